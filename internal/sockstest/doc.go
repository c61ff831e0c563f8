// Package sockstest is the conformance suite: what a SOCKS5 server owes its
// clients, byte by byte, as numbered statements.
//
// It knows nothing of the server it tests. A [Factory] starts one as a [Config]
// asks and says where it listens; the suite speaks bytes to that address, plays
// the origins, the name server and the peers of BIND itself, and compares what
// comes back. So the same statements hold for a server, for a forwarder in
// front of it, and for two of them in a row:
//
//	sockstest.Run(t, factory, sockstest.Modes(0), sockstest.Relay())
//
// A statement fails on an RST where an orderly end is due, on a second reply, on
// a TLS stream that ends without close_notify and on a byte too many. It never
// fails because something took long: its waits end only to name what hangs.
package sockstest
