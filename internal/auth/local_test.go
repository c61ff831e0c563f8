package auth_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/server"
)

// Whom a balancer names is not local, whatever the address: it may be that of the
// balancer's own host.
func TestLocalBehindBalancer(t *testing.T) {
	here, far := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	for _, test := range []struct {
		session *server.Session
		method  byte
	}{
		{&server.Session{Client: here}, 0x00},
		{&server.Session{Client: &net.UnixAddr{Net: "unix"}}, 0x00},
		{&server.Session{Client: far}, 0xFF},
		{&server.Session{Client: here, TLS: new(tls.ConnectionState)}, 0xFF},
		{&server.Session{Client: here, Via: here}, 0xFF},
		{&server.Session{Client: here, Via: far}, 0xFF},
	} {
		if got := auth.Local().Method(test.session); got != test.method {
			t.Errorf("from %v via %v: got method %02x, want %02x", test.session.Client, test.session.Via, got, test.method)
		}
	}
}
