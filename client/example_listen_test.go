package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/socksctl/socksctl/client"
)

// A reverse listener by BIND: the proxy listens, and one peer on its side of the
// network connects back to this program.
func ExampleDialer_Listen() {
	proxy, stop := exampleProxy()
	defer stop()
	d, err := client.ParseURL(proxy)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := d.Listen(context.Background(), "tcp", "127.0.0.1:0") // only from that host
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()

	go call(ln.Addr().String()) // ln.Addr is on the proxy: tell the peer
	c, err := ln.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	said, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", said)
	// Output: hello from the other side
}

// call is the peer.
func call(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "hello from the other side")
}
