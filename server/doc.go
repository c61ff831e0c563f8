// Package server is a SOCKS5 server: CONNECT, BIND and UDP ASSOCIATE of RFC
// 1928, with the logins of RFC 1929, plain or inside TLS.
//
// A [Server] has the life of an http.Server: [Server.Serve] and
// [Server.ServeTLS] accept on a listener each, [Server.Shutdown] waits for the
// sessions to end, [Server.Close] ends them.
//
//	s := &server.Server{TLS: config, Auth: []server.Authenticator{users}}
//	err := s.ServeTLS(listener)
//
// What a client asks for is carried out by an [Outbound]: [Direct], which is
// this host's network, unless another is given. An [Authenticator] says who may
// come in, a [Policy] where they may go, and an [Observer] is told of every
// [Session]. A server that anyone could use by mistake does not start: see
// [ErrOpenProxy].
//
// On a connection that has TLS and a client that was proven, ALPN "socksctl/1"
// allows the request to come late; nothing else depends on it. Datagrams travel
// as RFC 1928 has them, or as frames on the control connection, under TLS with
// the rest of it.
package server
