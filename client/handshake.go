package client

import "context"

// Handshake finds out whether the proxy can be used: it is reached, TLS
// included, greeted and logged in to. It is asked for nothing, and the
// connection is ended in order. An error is a [*ProxyError].
func (d *Dialer) Handshake(ctx context.Context) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	return s.login(ctx)
}
