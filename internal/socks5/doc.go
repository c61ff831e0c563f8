// Package socks5 is the words of RFC 1928 and RFC 1929: it reads and appends
// greetings, logins, requests, replies and datagram headers, and it maps
// reply codes to errors and back.
//
// It holds no sockets, no goroutines and no clocks. Every reader takes exactly
// the bytes of its message and not one more, so that what a peer pipelines
// behind a message is never lost; every appender writes to the slice it is
// given and allocates only when that slice is too short.
package socks5
