package client_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
)

// A Dialer stands where a net.Dialer would.
func ExampleDialer_DialContext() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello by way of the proxy")
	}))
	defer origin.Close()

	d, err := client.ParseURL("socks5://" + exampleProxy())
	if err != nil {
		log.Fatal(err)
	}
	transport := &http.Transport{DialContext: d.DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(origin.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", body)
	// Output: hello by way of the proxy
}

// exampleProxy serves one CONNECT and returns where.
func exampleProxy() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer ln.Close()
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		socks5.ReadGreeting(c)
		c.Write(socks5.AppendMethod(nil, socks5.MethodNone))
		req, err := socks5.ReadRequest(c)
		if err != nil {
			return
		}
		target, err := net.Dial("tcp", req.Addr.String())
		if err != nil {
			return
		}
		defer target.Close()
		c.Write(socks5.AppendReply(nil, socks5.Succeeded, socks5.AddrOf(target.LocalAddr())))
		go io.Copy(target, c)
		io.Copy(c, target)
	}()
	return ln.Addr().String()
}
