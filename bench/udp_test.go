package bench

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

const (
	payload  = 1200 // bytes in a datagram
	window   = 16   // datagrams under way
	patience = 10 * time.Second
)

// BenchmarkUDP has datagrams echoed. An operation is one, there and back.
func BenchmarkUDP(b *testing.B) {
	b.Run("direct", func(b *testing.B) { datagrams(b, associate(b, plainWay(b).(*client.Dialer))) })
	b.Run("TLS", func(b *testing.B) { datagrams(b, associate(b, tlsWay(b).(*client.Dialer))) })
	b.Run("forwarder", func(b *testing.B) { datagrams(b, associate(b, forwarderWay(b).(*client.Dialer))) })
	b.Run("bare", func(b *testing.B) { datagrams(b, bareUDP(b)) })
}

// courier moves datagrams to an origin and back. Both methods fail, rather than
// wait for ever, when one is lost.
type courier interface {
	send(n int) error      // n datagrams
	receive() (int, error) // how many came, at least one
}

// datagrams sends window datagrams at a time and waits for their echoes.
func datagrams(b *testing.B, c courier) {
	if err := exchange(c, window); err != nil { // takes the memory that an association keeps
		b.Fatal(err)
	}
	b.SetBytes(payload)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(window, b.N-done)
		if err := exchange(c, n); err != nil {
			b.Fatal(err)
		}
		done += n
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func exchange(c courier, n int) error {
	if err := c.send(n); err != nil {
		return err
	}
	for got := 0; got < n; {
		more, err := c.receive()
		if err != nil {
			return err
		}
		got += more
	}
	return nil
}

// association is a courier by way of a proxy, which takes and gives batches.
type association struct {
	carrier.Conn
	out, in []carrier.Datagram
	lost    *time.Timer
}

func associate(t testing.TB, d *client.Dialer) courier {
	t.Helper()
	pc, err := d.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	origin := socks5.AddrFrom(echo(t))
	a := &association{
		Conn: pc.(carrier.Conn), out: make([]carrier.Datagram, window), in: make([]carrier.Datagram, window),
		lost: time.AfterFunc(patience, func() { pc.Close() }),
	}
	t.Cleanup(func() { a.lost.Stop() })
	for i := range a.out {
		a.out[i] = carrier.Datagram{Addr: origin, Data: make([]byte, payload)}
	}
	return a
}

func (a *association) send(n int) error {
	a.lost.Reset(patience)
	return a.WriteBatch(a.out[:n])
}

func (a *association) receive() (int, error) { return a.ReadBatch(a.in) }

// bare is a courier without a proxy.
type bare struct {
	*net.UDPConn
	origin  netip.AddrPort
	out, in []byte
}

func bareUDP(t testing.TB) courier {
	t.Helper()
	return &bare{socket(t), echo(t), make([]byte, payload), make([]byte, 1<<16)}
}

func (b *bare) send(n int) error {
	if err := b.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	for range n {
		if _, err := b.WriteToUDPAddrPort(b.out, b.origin); err != nil {
			return err
		}
	}
	return nil
}

func (b *bare) receive() (int, error) {
	_, _, err := b.ReadFromUDPAddrPort(b.in)
	return 1, err
}

// echo sends datagrams back until the test ends, and returns where.
func echo(t testing.TB) netip.AddrPort {
	t.Helper()
	s := socket(t)
	done := make(chan struct{})
	go func() { // ends when s is closed
		defer close(done)
		for b := make([]byte, 1<<16); ; {
			n, from, err := s.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			s.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return s.LocalAddr().(*net.UDPAddr).AddrPort()
}

func socket(t testing.TB) *net.UDPConn {
	t.Helper()
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
