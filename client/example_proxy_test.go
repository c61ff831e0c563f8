package client_test

import (
	"errors"
	"log"
	"net"

	"github.com/socksctl/socksctl/server"
)

// exampleProxy serves on loopback and returns where.
func exampleProxy() (url string, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s, done := new(server.Server), make(chan struct{})
	go func() { // ends with s.Close
		defer close(done)
		if err := s.Serve(ln); !errors.Is(err, server.ErrServerClosed) {
			log.Print(err)
		}
	}()
	return "socks5://" + ln.Addr().String(), func() {
		s.Close()
		<-done
	}
}
