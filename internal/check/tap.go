package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"github.com/socksctl/socksctl/client"
)

// tap goes to the proxy once, by a Dialer of its own, and notes what it sees on the
// way. Where the proxy is dialled a second time, the last time counts.
type tap struct {
	remote    net.Addr
	connected Latency              // how long the connection took
	reached   Latency              // and how long with TLS; 0: it came to nothing
	state     *tls.ConnectionState // nil: the server's certificate did not come
	asked     *tls.CertificateRequestInfo
	shown     *x509.Certificate // nil: none was
}

// over returns a Dialer like d that t sees through.
func (t *tap) over(d *client.Dialer) *client.Dialer {
	own := &client.Dialer{Network: d.Network, Address: d.Address, User: d.User, Password: d.Password, Timeout: d.Timeout, Forward: t}
	if d.TLS != nil {
		own.TLS = t.config(d.TLS)
	}
	return own
}

// handshake reaches the proxy and logs in, and returns how long that took.
func (t *tap) handshake(ctx context.Context, d *client.Dialer) (Latency, error) {
	ctx = client.WithAttempt(ctx, client.Attempt{Reached: func(took time.Duration) { t.reached = Latency(took) }})
	begin := time.Now()
	err := t.over(d).Handshake(ctx)
	return Latency(time.Since(begin)), err
}

// Dial makes t a proxy.Dialer.
func (t *tap) Dial(network, address string) (net.Conn, error) {
	return t.DialContext(context.Background(), network, address)
}

// DialContext connects to the proxy.
func (t *tap) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	*t = tap{}
	begin := time.Now()
	var host net.Dialer
	c, err := host.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t.connected, t.remote = Latency(time.Since(begin)), c.RemoteAddr()
	return c, nil
}

// config returns c with t at its hooks.
func (t *tap) config(c *tls.Config) *tls.Config {
	c = c.Clone()
	verify, show := c.VerifyConnection, c.GetClientCertificate
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		t.state = &cs
		if verify == nil {
			return nil
		}
		return verify(cs)
	}
	c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		t.asked = info
		cert := new(tls.Certificate)
		if show != nil {
			var err error
			if cert, err = show(info); err != nil {
				return nil, err
			}
		}
		t.shown = cert.Leaf
		return cert, nil
	}
	return c
}
