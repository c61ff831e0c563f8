package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/server"
)

// Two servers stand behind a forwarder, and the first does not answer.
func ExampleServers() {
	gone, err := client.ParseURL("socks5://127.0.0.1:1")
	if err != nil {
		log.Fatal(err)
	}
	address, stop := exampleServer(new(server.Server))
	defer stop()
	there, err := client.ParseURL("socks5://" + address)
	if err != nil {
		log.Fatal(err)
	}
	servers := forwarder.NewServers(gone, there)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go servers.Run(ctx) // checks them, until ctx ends

	local, stop := exampleServer(forwarder.New(servers))
	defer stop()
	app := &client.Dialer{Address: local} // or curl --socks5-hostname
	origin, stop := exampleOrigin("hello by way of the second")
	defer stop()
	c, err := app.Dial("tcp", origin)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	for _, s := range servers.Status() {
		fmt.Println(s.Up)
	}
	// Output:
	// hello by way of the second
	// false
	// true
}

// exampleServer serves s on loopback and returns where.
func exampleServer(s *server.Server) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with s.Close
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, server.ErrServerClosed) {
			log.Print(err)
		}
	}()
	return l.Addr().String(), func() {
		s.Close()
		<-done
	}
}

// exampleOrigin says text to everyone who connects.
func exampleOrigin(text string) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, text)
			c.Close()
		}
	}()
	return l.Addr().String(), func() { l.Close() }
}
