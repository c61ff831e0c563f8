package client_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/client"
)

// DNS over UDP ASSOCIATE: queries leave from the proxy, and reach it inside the
// TLS connection if it has one.
func ExampleDialer_ListenPacket() {
	proxy, stop := exampleProxy()
	defer stop()
	resolver, stop := exampleResolver() // or 9.9.9.9:53
	defer stop()

	d, err := client.ParseURL(proxy)
	if err != nil {
		log.Fatal(err)
	}
	pc, err := d.ListenPacket(context.Background(), "udp", "")
	if err != nil {
		log.Fatal(err)
	}
	defer pc.Close()
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 1, RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("example.com."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET,
	}}}
	packed, err := query.Pack()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pc.WriteTo(packed, client.Addr(resolver)); err != nil { // a name would do too
		log.Fatal(err)
	}
	buf := make([]byte, 1232)
	n, _, err := pc.ReadFrom(buf)
	if err != nil {
		log.Fatal(err)
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(buf[:n]); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Answers[0].Body.(*dnsmessage.TXTResource).TXT[0])
	// Output: an answer over UDP
}

// exampleResolver answers each query on loopback with a text.
func exampleResolver() (address string, stop func()) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { // ends when pc is closed
		buf := make([]byte, 1232)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buf[:n]); err != nil {
				continue
			}
			m.Response = true
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.TXTResource{TXT: []string{"an answer over UDP"}},
			}}
			if packed, err := m.Pack(); err == nil {
				pc.WriteTo(packed, from)
			}
		}
	}()
	return pc.LocalAddr().String(), func() { pc.Close() }
}
