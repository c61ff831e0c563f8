package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/server"
)

// A server in a program of one's own, with a policy and an observer of one's own.
func ExampleServer() {
	policy := server.PolicyFunc(func(_ context.Context, s *server.Session, t server.Target) error {
		if strings.HasSuffix(t.Host, ".internal") {
			return server.ErrDenied // the client sees REP 02
		}
		return nil
	})
	s := &server.Server{Policy: policy, Observer: printer{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with s.Shutdown
		defer close(done)
		if err := s.Serve(ln); !errors.Is(err, server.ErrServerClosed) {
			log.Print(err)
		}
	}()

	app, err := proxy.SOCKS5("tcp", ln.Addr().String(), nil, proxy.Direct) // any SOCKS5 client
	if err != nil {
		log.Fatal(err)
	}
	if _, err := app.Dial("tcp", "db.internal:5432"); err == nil {
		log.Fatal("it is not denied")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: connect db.internal:5432 denied
}

// printer prints sessions when they are over.
type printer struct{}

func (printer) Opened(*server.Session) {}

func (printer) Closed(s *server.Session) {
	fmt.Printf("%s %s:%d %s\n", s.Command, s.Host, s.Port, s.EndReason())
}

// An Outbound of one's own: what clients reach is what it dials. Here that is a
// single service, by whatever name they ask for.
func ExampleServer_outbound() {
	service, stop := exampleService("one service for all names\n")
	defer stop()
	s := &server.Server{Outbound: oneService{new(server.Direct), service}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with s.Close
		defer close(done)
		if err := s.Serve(ln); !errors.Is(err, server.ErrServerClosed) {
			log.Print(err)
		}
	}()
	app, err := proxy.SOCKS5("tcp", ln.Addr().String(), nil, proxy.Direct)
	if err != nil {
		log.Fatal(err)
	}
	c, err := app.Dial("tcp", "whatever.test:80")
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err := errors.Join(err, c.Close(), s.Close()); err != nil {
		log.Fatal(err)
	}
	<-done
	fmt.Print(string(text))
	// Output: one service for all names
}

// oneService is this host's network, with one place to connect to.
type oneService struct {
	*server.Direct
	address string
}

func (o oneService) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return o.Direct.DialContext(ctx, network, o.address)
}

// exampleService says text to who connects first.
func exampleService(text string) (address string, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { // ends with that connection, or when ln is closed
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, text)
	}()
	return ln.Addr().String(), func() { ln.Close() }
}
