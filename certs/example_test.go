package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"

	"github.com/socksctl/socksctl/certs"
)

// A CA in memory, mutual TLS over a pipe, and the name of the client.
func Example() {
	ca, err := certs.NewCA("example", certs.Options{})
	check(err)
	serverPair, err := ca.Server([]string{"localhost"}, certs.Options{})
	check(err)
	clientPair, err := ca.Client("alice", certs.Options{})
	check(err)
	trusted := []*x509.Certificate{ca.Certificate}

	server, err := certs.NewServer(certs.ServerConfig{Certificate: serverPair.TLS(), ClientCAs: trusted})
	check(err)
	client, err := certs.NewClient(certs.ClientConfig{Certificate: clientPair.TLS(), CAs: trusted})
	check(err)

	near, far := net.Pipe()
	go func() {
		defer near.Close()
		conn := tls.Client(near, client.TLSConfig("localhost"))
		check(conn.Handshake())
		conn.Read(make([]byte, 1)) // takes the session ticket, until the server closes
	}()
	conn := tls.Server(far, server.TLSConfig())
	defer conn.Close()
	check(conn.Handshake())
	name, err := certs.PeerIdentity(conn.ConnectionState().VerifiedChains[0][0], certs.IdentityCN)
	check(err)
	fmt.Println(name)
	// Output: alice
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
