package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/server"
)

// stack is everything of a quickstart: certificates, server, forwarder, the
// wiretap between the two, and the origins behind.
type stack struct {
	local, tls, web net.Addr // of forwarder, server and HTTP origin
	echo            net.Addr // of the UDP origin
	tap             *wiretap
	closers         []func() error
}

// newStack starts a stack; close ends it.
func newStack(ctx context.Context) (st *stack, err error) {
	st = new(stack)
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	ca, err := certs.NewCA("quickstart", certs.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.startServer(ctx, ca); err != nil {
		return nil, err
	}
	if st.tap, err = newWiretap(ctx, st.tls.String()); err != nil {
		return nil, err
	}
	st.closers = append(st.closers, st.tap.close)
	if err := st.startForwarder(ctx, ca); err != nil {
		return nil, err
	}
	return st, st.startOrigins(ctx)
}

// close ends what was started, the last first.
func (st *stack) close() {
	for i := len(st.closers) - 1; i >= 0; i-- {
		_ = st.closers[i]() // at the end of the process nothing is left to do about it
	}
}

// startServer starts a server that lets in who has a certificate of ca.
func (st *stack) startServer(ctx context.Context, ca *certs.CA) error {
	pair, err := ca.Server([]string{"localhost", "127.0.0.1"}, certs.Options{})
	if err != nil {
		return err
	}
	source, err := certs.NewServer(certs.ServerConfig{
		Certificate: pair.TLS(), ClientCAs: []*x509.Certificate{ca.Certificate},
		MinVersion: tls.VersionTLS13, ALPN: []string{client.ALPN},
	})
	if err != nil {
		return err
	}
	l, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server.Server{TLS: source.TLSConfig(), Auth: []server.Authenticator{auth.Certificate("cn")}}
	st.tls = l.Addr()
	st.closers = append(st.closers, s.Close)
	go s.ServeTLS(l) // ends when s is closed
	return nil
}

// startForwarder starts a forwarder with a certificate of ca, on port 1080 when
// that is free.
func (st *stack) startForwarder(ctx context.Context, ca *certs.CA) error {
	pair, err := ca.Client("quickstart", certs.Options{})
	if err != nil {
		return err
	}
	source, err := certs.NewClient(certs.ClientConfig{
		CAs: []*x509.Certificate{ca.Certificate}, Certificate: pair.TLS(), MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		return err
	}
	l, err := server.Listen(ctx, "127.0.0.1:1080")
	if err != nil {
		if l, err = server.Listen(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
	}
	f := forwarder.New(&client.Dialer{Address: st.tap.addr().String(), TLS: source.TLSConfig("localhost")})
	st.local = l.Addr()
	st.closers = append(st.closers, f.Close)
	go f.Serve(l) // ends when f is closed
	return nil
}

// startOrigins starts what the requests go to: a web server and a UDP echo.
func (st *stack) startOrigins(ctx context.Context) error {
	web, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	st.web = web.Addr()
	h := &http.Server{Handler: http.HandlerFunc(greetVisitor), ReadHeaderTimeout: 10 * time.Second}
	st.closers = append(st.closers, h.Close)
	go h.Serve(web) // ends when h is closed

	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	st.echo = echo.LocalAddr()
	st.closers = append(st.closers, echo.Close)
	go echoAll(echo) // ends when echo is closed
	return nil
}

func greetVisitor(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello from the origin, which was reached from %s\n", r.RemoteAddr)
}

func echoAll(pc net.PacketConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = pc.WriteTo(buf[:n], from) // a lost answer is UDP's right
	}
}

// wiretap is a relay between forwarder and server that keeps what it relays.
type wiretap struct {
	listener net.Listener
	server   string
	record   recording
}

func newWiretap(ctx context.Context, address string) (*wiretap, error) {
	l, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wiretap{listener: l, server: address}
	go w.accept() // ends when the listener is closed
	return w, nil
}

func (w *wiretap) addr() net.Addr { return w.listener.Addr() }

func (w *wiretap) close() error { return w.listener.Close() }

func (w *wiretap) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.server)
		if err != nil {
			near.Close()
			continue
		}
		go w.copy(far, near) // each ends with its connection
		go w.copy(near, far)
	}
}

func (w *wiretap) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	_, _ = io.Copy(to, io.TeeReader(from, w.record.stream())) // the ends see the failure
}
