// Package client reaches the network through a SOCKS5 server, with or without
// TLS: all three commands of RFC 1928, the login of RFC 1929.
//
// Begin with [ParseURL], add what a URL does not say, and use the [Dialer] where
// a net.Dialer would stand:
//
//	d, err := client.ParseURL("socks5+tls://proxy.example.com")
//	d.TLS = source.TLSConfig("proxy.example.com") // of package certs, for a private CA
//	transport := &http.Transport{DialContext: d.DialContext}
//
// [Dialer.DialContext] is CONNECT, [Dialer.Listen] is BIND, and
// [Dialer.ListenPacket] is UDP ASSOCIATE. A Dialer is a proxy.Dialer of
// golang.org/x/net, takes another as its own way out, and after
// [RegisterSchemes] comes out of that package's FromURL and FromEnvironment.
//
// # Names
//
// A name is never looked up on this host: it travels to the proxy as it is.
//
// # Datagrams
//
// RFC 1928 sends datagrams beside the TLS connection, in clear text. A Dialer
// with TLS sends them inside it, by a private command that the server has to
// know, and fails with [ErrUDPNotEncrypted] when it does not. [UDPPlain] chooses
// clear text.
//
// # Errors
//
// A [*ProxyError] says that the proxy is at fault; errors.Is tells
// [ErrLogin] and [ErrMethod] apart from the rest. What the proxy says about the
// target is a *net.OpError, for which errors.Is(err, syscall.ECONNREFUSED) and
// its like hold as they do without a proxy.
package client
