package check

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
)

// probe is how long it may take to find out one thing about a port.
const probe = 2 * time.Second

// explain adds what this end can find out about a step that failed.
func (r *run) explain(ctx context.Context, s Step, t *tap) Step {
	switch s.Cause {
	case client.CauseNoClient:
		return t.missing(s)
	case client.CauseBadClient:
		if t.asked != nil && t.shown != nil {
			return t.refused(s)
		}
		return t.missing(s)
	case client.CauseTLS:
		if t.missed(s.Cause) {
			return t.missing(s)
		}
		return r.otherPort(ctx, s)
	case client.CauseTLSCut, client.CauseTLSSilent:
		return r.otherPort(ctx, s)
	case client.CauseHungUp, client.CauseSilent, client.CauseNotSOCKS:
		return r.otherPort(ctx, s)
	}
	return s
}

// otherPort finds out what listens where SOCKS5, with or without TLS, does not.
func (r *run) otherPort(ctx context.Context, s Step) Step {
	var listens error
	inTLS := s.Name == StepLogin && r.Dialer.TLS != nil
	switch {
	case s.Name == StepTLS && r.speaksSOCKS(ctx):
		listens = &client.ProxyError{Op: "tls", Err: tls.RecordHeaderError{RecordHeader: [5]byte{socks5.Version}}}
	case r.Dialer.TLS == nil && r.speaksTLS(ctx):
		const handshake = 0x16
		listens = &client.ProxyError{Op: "login", Err: &socks5.VersionError{Got: handshake, Want: socks5.Version}}
	case r.speaksHTTP(ctx, inTLS):
		listens = &client.ProxyError{Op: "login", Err: &socks5.VersionError{Got: 'H', Want: socks5.Version}}
	default:
		return s
	}
	d := client.Diagnose(listens)
	s.Cause, s.Next = d.Cause, d.Next
	return s
}

// speaksSOCKS tells whether the port has SOCKS5 without TLS.
func (r *run) speaksSOCKS(ctx context.Context) bool {
	d := &client.Dialer{Network: r.Dialer.Network, Address: r.Dialer.Address, Timeout: probe}
	err := d.Handshake(ctx)
	return err == nil || errors.Is(err, client.ErrMethod)
}

// speaksTLS tells whether the port has TLS, whatever its certificate.
func (r *run) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	raw, err := r.dial(ctx)
	if err != nil {
		return false
	}
	defer raw.Close()
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is sent
	err = c.HandshakeContext(ctx)
	_, alert := certs.Alert(err)
	return err == nil || alert
}

// speaksHTTP tells whether the port has HTTP, or inTLS HTTPS.
func (r *run) speaksHTTP(ctx context.Context, inTLS bool) bool {
	ctx, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	c, err := r.dial(ctx)
	if err != nil {
		return false
	}
	defer c.Close()
	if inTLS {
		c = tls.Client(c, r.Dialer.TLS)
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	line, _ := bufio.NewReader(io.LimitReader(c, 64)).ReadString('/') // the rest is not looked at
	return strings.HasSuffix(line, "HTTP/")
}

func (r *run) dial(ctx context.Context) (net.Conn, error) {
	network := r.Dialer.Network
	if network == "" {
		network = "tcp"
	}
	var host net.Dialer
	return host.DialContext(ctx, network, r.Dialer.Address)
}
