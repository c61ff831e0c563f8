//go:build !race && !windows

// Under the race detector sync.Pool drops at random, so that allocations say
// nothing there. On Windows package net allocates for each datagram.

package carrier_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// noAllocs wants a batch that goes from one carrier to the other, with
// addresses and a name in it, to allocate nothing.
func noAllocs(t *testing.T, from, into carrier.Conn, batch ...carrier.Datagram) {
	t.Helper()
	allocates(t, 0, from, into, batch...)
}

// allocates wants a batch to allocate no more than limit times.
func allocates(t *testing.T, limit float64, from, into carrier.Conn, batch ...carrier.Datagram) {
	t.Helper()
	in := make([]carrier.Datagram, 4)
	got := testing.AllocsPerRun(200, func() {
		if err := from.WriteBatch(batch); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(batch); {
			got, err := into.ReadBatch(in)
			if err != nil {
				t.Fatal(err)
			}
			n += got
		}
	})
	if got > limit {
		t.Errorf("got %v allocations for %d datagrams, want %v", got, len(batch), limit)
	}
}

func mixed(t *testing.T) []carrier.Datagram {
	return []carrier.Datagram{
		to(t, "192.0.2.1:53", "v4"), to(t, "[2001:db8::1]:53", "v6"), to(t, "example.com:53", "name"),
		to(t, "www.example.com:53", ""), to(t, "192.0.2.1:9", filled(1400)), to(t, "example.com:1", filled(1400)),
	}
}

func TestUDPPacketDoesNotAllocate(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", anyPort, use)
		noAllocs(t, a.client, a.server, mixed(t)...)
		noAllocs(t, a.server, a.client, mixed(t)...)
	})
}

func TestUDPSocketDoesNotAllocate(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
			a := newSocket(t, listenUDP(t, "udp", listen), nil, use)
			b := newSocket(t, listenUDP(t, "udp", listen), nil, use)
			addr := b.LocalAddr().String()
			noAllocs(t, a, b, to(t, addr, "one"), to(t, addr, ""), to(t, addr, filled(1400)))
		}
	})
}

func TestUDPStreamDoesNotAllocate(t *testing.T) {
	for layout, command := range layouts {
		for _, kind := range []string{"tcp", "TLS", "prompt"} {
			t.Run(layout+"/"+kind, func(t *testing.T) {
				a, b := pairs[kind](t)
				sa, sb := newStream(t, a, command, nil), newStream(t, b, command, nil)
				// crypto/tls makes one allocation for each record that it reads.
				limit := map[string]float64{"tcp": 0, "TLS": 1, "prompt": 1}[kind]
				allocates(t, limit, sa, sb, mixed(t)...)
				allocates(t, limit, sb, sa, mixed(t)...)
			})
		}
	}
}

func TestUDPResolvedDoesNotAllocate(t *testing.T) {
	under := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), nil, func(portable) {})
	far := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), nil, func(portable) {})
	r := carrier.NewResolved(under, carrier.NewNames(func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{loopback}, nil
	}), nil, nil)
	defer r.Close()
	addr := far.LocalAddr().String()
	name := carrier.Datagram{Addr: socks5.Addr{Name: "far.example", Port: addrPort(far).Port()}, Data: []byte("by name")}
	write(t, r, name) // looked up once
	read(t, far, 1)
	noAllocs(t, r, far, name, to(t, addr, "by address"))
}
