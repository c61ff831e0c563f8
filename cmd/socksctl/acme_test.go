package main

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/acme"
)

// at is a listener that has nothing but an address.
type at struct {
	net.Listener
	addr net.Addr
}

func (a at) Addr() net.Addr { return a.addr }

// A start says so when no TLS listener is where authorities come to, and only then.
func TestACMEPort(t *testing.T) {
	tcp := func(port int) net.Listener { return at{addr: &net.TCPAddr{IP: net.IPv4zero, Port: port}} }
	unix := at{addr: &net.UnixAddr{Net: "unix", Name: "443"}}
	for _, tt := range []struct {
		manager       *acme.Manager
		plain, secure []net.Listener
		warns         bool
	}{
		{nil, nil, []net.Listener{tcp(1443)}, false},
		{new(acme.Manager), nil, []net.Listener{tcp(1443), tcp(443)}, false},
		{new(acme.Manager), nil, []net.Listener{tcp(1443), unix}, true},
		{new(acme.Manager), []net.Listener{tcp(443)}, []net.Listener{tcp(1443)}, true},
	} {
		var said bytes.Buffer
		v := &service{acme: tt.manager, plain: tt.plain, secure: tt.secure, log: slog.New(slog.NewTextHandler(&said, nil))}
		v.warnOfPort()
		if got := strings.Contains(said.String(), "port 443, and no TLS listener is there"); got != tt.warns {
			t.Errorf("%v and %v: warned %v, want %v", tt.plain, tt.secure, got, tt.warns)
		}
	}
}
