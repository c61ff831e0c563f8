// Package realtest has no code of its own: its tests build socksctl, start it
// as a server and as a forwarder, and drive it with the programs that people
// use: curl, OpenSSH, ncat, Dante's socksify, FTP and DNS clients and the
// openssl command. They run on Linux. What comes of those beside each other is
// docs/compatibility.md, which a test writes.
//
// A test whose program is missing names the Debian package that has it and
// skips; when CI is set it fails.
package realtest
