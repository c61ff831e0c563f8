package client

import "context"

// Handshake finds out whether the proxy can be used: it is reached, TLS
// included, greeted and logged in to. It is asked for nothing, and the
// connection is ended in order, or is one of those that [Dialer.KeepWarm] keeps.
// An error is a [*ProxyError].
func (d *Dialer) Handshake(ctx context.Context) error {
	s, err := d.greet(ctx)
	if err == nil {
		d.warm.Load().offer(s)
	}
	return err
}

// greet opens a session that is logged in.
func (d *Dialer) greet(ctx context.Context) (*session, error) {
	s, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	return s.ready(ctx)
}
