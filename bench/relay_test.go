package bench

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/shape"
)

// chunk is what one write of the sender has, and one operation of a benchmark.
const chunk = 256 << 10

// BenchmarkRelayPlain moves bytes one way between plain TCP sockets: through a
// Tunnel, through one with a limit that is far off, and as io.Copy in both
// directions does it.
func BenchmarkRelayPlain(b *testing.B) {
	b.Run("tunnel", func(b *testing.B) { stream(b, tcpPair, tcpPair, tunnel) })
	b.Run("shaped", func(b *testing.B) { stream(b, tcpPair, tcpPair, shaped) })
	b.Run("iocopy", func(b *testing.B) { stream(b, tcpPair, tcpPair, copyBoth) })
}

// BenchmarkRelayTLS moves bytes one way between TLS 1.3 and plain TCP. The
// io.Copy that it is compared with runs on a tls.Conn right over the socket.
func BenchmarkRelayTLS(b *testing.B) {
	for _, way := range []struct {
		name string
		pair func(pairFunc) (client, target pairFunc)
	}{
		{"receive", func(tls pairFunc) (pairFunc, pairFunc) { return tls, tcpPair }},
		{"send", func(tls pairFunc) (pairFunc, pairFunc) { return tcpPair, tls }},
	} {
		client, target := way.pair(tlsPair(func(c net.Conn) net.Conn { return relay.NewRaw(c) }))
		b.Run(way.name+"/tunnel", func(b *testing.B) { stream(b, client, target, tunnel) })
		b.Run(way.name+"/shaped", func(b *testing.B) { stream(b, client, target, shaped) })
		client, target = way.pair(tlsPair(func(c net.Conn) net.Conn { return c }))
		b.Run(way.name+"/iocopy", func(b *testing.B) { stream(b, client, target, copyBoth) })
	}
}

// relayFunc joins two conns until both have ended, and closes them.
type relayFunc func(client, target net.Conn)

func tunnel(client, target net.Conn) {
	(&relay.Tunnel{Client: client, Target: target}).Run(context.Background())
}

// shaped is a tunnel that is held to more than it can move.
func shaped(client, target net.Conn) {
	limit := shape.NewBandwidth(100 << 30)
	(&relay.Tunnel{Client: client, Target: target, ShapeUp: limit, ShapeDown: limit}).Run(context.Background())
}

func copyBoth(client, target net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { io.Copy(target, client); relay.CloseWrite(target) })
	both.Go(func() { io.Copy(client, target); relay.CloseWrite(client) })
	both.Wait()
	client.Close()
	target.Close()
}

// stream sends b.N chunks through one joint.
func stream(b *testing.B, client, target pairFunc, join relayFunc) {
	app, nearClient := client(b)
	origin, nearTarget := target(b)
	var running sync.WaitGroup
	running.Go(func() { join(nearClient, nearTarget) })
	running.Go(func() { io.Copy(io.Discard, justReader{origin}); relay.CloseWrite(origin) })
	b.SetBytes(chunk)
	b.ReportAllocs()
	out := make([]byte, chunk)
	before := cpuTime(b)
	for b.Loop() {
		if _, err := app.Write(out); err != nil {
			b.Fatal(err)
		}
	}
	relay.CloseWrite(app)
	io.Copy(io.Discard, app)
	running.Wait()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	app.Close()
	origin.Close()
}

// justReader hides WriteTo, so that the receiver is the same in all benchmarks.
type justReader struct{ io.Reader }

// pairFunc returns the far end of a connection and the end that is relayed.
type pairFunc func(testing.TB) (far, near net.Conn)

func tcpPair(t testing.TB) (far, near net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// tlsPair makes TLS 1.3 pairs; under is what goes under the relayed end.
func tlsPair(under func(net.Conn) net.Conn) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		a, b := tcpPair(t)
		client := tls.Client(a, &tls.Config{InsecureSkipVerify: true})
		server := tls.Server(under(b), serverConfig(t))
		shaken := make(chan error, 1)
		go func() { shaken <- server.Handshake() }()
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
		return client, server
	}
}
