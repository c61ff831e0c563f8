// Package windows runs socksctl.exe under Wine (wine64 of Debian 12
// and later, amd64), against curl and peers on this system: that it starts, makes
// certificates, serves, forwards, and carries TCP and UDP by Winsock. Wine is not
// Windows: sockets of AF_UNIX, access lists and links are not as there, and are left out.
package windows
