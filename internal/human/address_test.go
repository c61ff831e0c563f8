package human_test

import (
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/human"
)

func TestAddress(t *testing.T) {
	for _, a := range []net.Addr{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1080},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 65535},
		&net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 443},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "a%b", Port: 443},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Zone: "eth0", Port: 443},
		&net.TCPAddr{IP: net.IPv6zero, Port: 0},
		&net.TCPAddr{IP: net.IP{1, 2, 3}, Port: 9},
		&net.TCPAddr{Port: 9},
		(*net.TCPAddr)(nil),
		&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 53},
		&net.UnixAddr{Name: "/run/socks", Net: "unix"},
	} {
		if got, want := human.Address(a), a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAddressAllocatesOnce(t *testing.T) {
	a := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1080}
	if got := testing.AllocsPerRun(100, func() { _ = human.Address(a) }); got != 1 {
		t.Errorf("got %v allocations, want 1", got)
	}
}
