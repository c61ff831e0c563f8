package client_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/socksctl/socksctl/client"
)

// HTTP through the proxy: a Dialer stands where a net.Dialer would.
func ExampleDialer_DialContext() {
	proxy, stop := exampleProxy() // or socks5+tls://proxy.example.com
	defer stop()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello by way of the proxy")
	}))
	defer origin.Close()

	d, err := client.ParseURL(proxy)
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
