package server

import (
	"context"
	"net"
)

// Outbound is the way out of a server: this host's network ([Direct]), or
// another SOCKS server (*client.Dialer). A forwarder is a [Server] whose
// Outbound is a Dialer.
//
// Every ctx carries the session that asks ([SessionFrom]). It bounds the
// set-up, not the life of what is returned; the caller closes that. An error
// that wraps a reply code of RFC 1928 reaches the client as that code, any
// other as the code nearest to it.
type Outbound interface {
	// DialContext connects to address, "host:port", for CONNECT. A name in it
	// has not been looked up. A conn with a method BoundAddr() net.Addr says
	// by it what BND.ADDR is; otherwise that is its LocalAddr.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)

	// Listen opens a port for BIND. peer, "host:port", is who may connect; an
	// unspecified host lets anyone. The listener's Addr is what the client
	// tells its peer. Its Accept is called once and ends when it is closed; the
	// conn it returns has the peer as its RemoteAddr.
	Listen(ctx context.Context, network, peer string) (net.Listener, error)

	// ListenPacket opens a socket for UDP ASSOCIATE; address is local, and empty
	// for any. Names that it is told to send to are looked up behind it, off
	// the caller's loop.
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)
}
