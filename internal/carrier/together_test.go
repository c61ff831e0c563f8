package carrier_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// FuzzTogether puts datagrams together as for the system, and takes them apart as
// from it: what comes out is what went in, whole and in order.
func FuzzTogether(f *testing.F) {
	f.Add(uint64(1), 1200, uint8(3), 2)
	f.Add(uint64(2), 65507, uint8(1), 100)
	f.Add(uint64(3), 0, uint8(200), 1)
	f.Fuzz(func(t *testing.T, seed uint64, longest int, most uint8, limit int) {
		random := rand.New(rand.NewPCG(seed, 0))
		in := datagrams(random, 1+int(most))
		var out []carrier.Datagram
		for rest := in; len(rest) > 0; {
			n := carrier.Together(rest, longest)
			if n < 1 || n > len(rest) {
				t.Fatalf("got %d of %d together", n, len(rest))
			}
			var whole []byte
			for _, d := range rest[:n] {
				whole = append(whole, d.Data...)
			}
			if n > 1 && (len(whole) > 65507 || len(rest[0].Data) > longest) {
				t.Fatalf("got %d of %d bytes together, and the longest may have %d", n, len(rest[0].Data), longest)
			}
			out = append(out, carrier.Split(rest[0].Addr.AddrPort(), whole, len(rest[0].Data), 1+abs(limit)%64)...)
			rest = rest[n:]
		}
		if len(out) != len(in) {
			t.Fatalf("got %d datagrams, want %d", len(out), len(in))
		}
		for i := range in {
			if out[i].Addr != in[i].Addr || !bytes.Equal(out[i].Data, in[i].Data) {
				t.Fatalf("datagram %d: got %d bytes for %v, want %d for %v", i, len(out[i].Data), out[i].Addr, len(in[i].Data), in[i].Addr)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// datagrams returns n datagrams of which runs are for the same address and as
// long as one another, as those of real programs are.
func datagrams(random *rand.Rand, n int) []carrier.Datagram {
	all := make([]carrier.Datagram, n)
	var like carrier.Datagram
	for i := range all {
		if i == 0 || random.IntN(4) == 0 {
			port := uint16(1 + random.IntN(2))
			like.Addr = socks5.AddrFrom(netip.AddrPortFrom(loopback, port))
			like.Data = make([]byte, random.IntN([]int{2, 50, 1500, 9000}[random.IntN(4)]))
		}
		size := len(like.Data)
		if random.IntN(8) == 0 {
			size = random.IntN(size + 2)
		}
		all[i] = carrier.Datagram{Addr: like.Addr, Data: fmt.Appendf(nil, "%0*d", size, i)[:size]}
	}
	return all
}

// TestUDPBatchesKeepTheirDatagrams sends batches with runs that the system may
// take as one to two sockets.
func TestUDPBatchesKeepTheirDatagrams(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
			var d drops
			from := newSocket(t, listenUDP(t, "udp", listen), &d, use)
			into := []carrier.Conn{newSocket(t, listenUDP(t, "udp", listen), &d, use), newSocket(t, listenUDP(t, "udp", listen), &d, use)}
			random := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				batch := datagrams(random, 1+random.IntN(20))
				want := make([][]datagram, len(into))
				for i := range batch {
					to := int(batch[i].Addr.Port) - 1
					batch[i].Addr = socks5.AddrFrom(addrPort(into[to]))
					want[to] = append(want[to], datagram{from.LocalAddr().String(), string(batch[i].Data)})
				}
				write(t, from, batch...)
				for i := range into {
					same(t, read(t, into[i], len(want[i])), want[i])
				}
			}
			d.want(t, nil)
		}
	})
}

// same compares datagrams.
func same(t *testing.T, got, want []datagram) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("datagram %d: got %d bytes from %s, want %d from %s", i, len(got[i].data), got[i].addr, len(want[i].data), want[i].addr)
		}
	}
}
