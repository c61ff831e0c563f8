package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long an app waits for one step of a proxy.
const patience = 20 * time.Second

// sources is how many addresses of 127.0.0.0/8 apps come from: one has ports for
// 28,000 connections to one proxy, those that have just ended included.
const sources = 16

// Way is how apps reach an origin.
type Way struct {
	Proxy    string      // where the apps connect to
	Target   string      // the origin
	TLS      *tls.Config // nil: plain
	User     string      // empty: no login
	Password string
	Bare     bool // the proxy knows its target and speaks no SOCKS
	Opened   bool // FirstByte has the connection to the proxy beforehand

	dialled, resumed atomic.Int64
}

// Resumed tells how many connections there were, and how many of those resumed a
// TLS session.
func (w *Way) Resumed() (connections, resumed int64) { return w.dialled.Load(), w.resumed.Load() }

// Dial opens a tunnel to the target.
func (w *Way) Dial(ctx context.Context) (net.Conn, error) {
	c, err := w.Connect(ctx)
	if err != nil || w.Bare {
		return c, err
	}
	if err = w.request(c); err != nil {
		c.Close()
		return nil, fmt.Errorf("CONNECT to %s through %s: %w", w.Target, w.Proxy, err)
	}
	return c, nil
}

// Connect goes as far as a proxy takes requests: TCP, TLS, the greeting and the
// login.
func (w *Way) Connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d := net.Dialer{LocalAddr: w.source(), Control: portAtConnect}
	c, err := d.DialContext(ctx, "tcp", w.Proxy)
	if err != nil {
		return nil, err
	}
	if w.TLS != nil {
		secure := tls.Client(c, w.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, fmt.Errorf("TLS with %s: %w", w.Proxy, err)
		}
		if secure.ConnectionState().DidResume {
			w.resumed.Add(1)
		}
		c = secure
	}
	if err := w.greet(c); err != nil {
		c.Close()
		return nil, fmt.Errorf("greet %s: %w", w.Proxy, err)
	}
	return c, nil
}

// source is the address that the next app has, one of several by turns. 127.0.0.1
// is that of the proxies on their way to the origin.
func (w *Way) source() net.Addr {
	n := byte(w.dialled.Add(1) % sources)
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2+n)}
}

// portAtConnect has the port of an app chosen when it connects: before, it would have
// to be one that no connection that has just ended had, to whatever proxy.
func portAtConnect(_, _ string, raw syscall.RawConn) (err error) {
	controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, controlErr)
}
