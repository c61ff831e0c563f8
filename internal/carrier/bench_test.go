package carrier_test

import (
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// throughput moves b.N datagrams of 1,200 bytes in batches of 16, and waits for
// each batch, so that none is dropped.
func throughput(b *testing.B, from, into carrier.Conn) {
	out, in := make([]carrier.Datagram, 16), make([]carrier.Datagram, 16)
	for i := range out {
		out[i] = to(b, "192.0.2.1:53", filled(1200))
	}
	b.SetBytes(1200)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		n := min(len(out), b.N-sent)
		if err := from.WriteBatch(out[:n]); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < n; {
			more, err := into.ReadBatch(in)
			if err != nil {
				b.Fatal(err)
			}
			got += more
		}
		sent += n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}

func BenchmarkPacket(b *testing.B) {
	a := associate(b, "127.0.0.1:0", anyPort, func(portable) {})
	throughput(b, a.client, a.server)
}

func BenchmarkPacketPortable(b *testing.B) {
	a := associate(b, "127.0.0.1:0", anyPort, func(p portable) {
		if err := p.Portable(); err != nil {
			b.Fatal(err)
		}
	})
	throughput(b, a.client, a.server)
}

func BenchmarkStream(b *testing.B) {
	for _, kind := range []string{"tcp", "TLS"} {
		b.Run(kind, func(b *testing.B) {
			near, far := pairs[kind](b)
			throughput(b, newStream(b, near, socks5.UDPTun, nil), newStream(b, far, socks5.UDPTun, nil))
		})
	}
}
