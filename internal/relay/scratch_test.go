package relay_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
)

// The fields of a tls.Conn are where this version of Go is expected to have them.
func TestTLSConnsAreLentBuffers(t *testing.T) {
	_, near := tlsPair(tls.VersionTLS13)(t)
	conn := near.(*tls.Conn)
	if !relay.Lends(conn, conn.NetConn().(*relay.Raw)) {
		t.Error("nothing can be lent to a tls.Conn of this version of Go")
	}
}

// keepingPair makes pairs that keep their buffers.
func keepingPair(version uint16) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		a, b := tcpPair(t)
		return tlsOver(t, version, relay.NewRaw(a), relay.KeepBuffers(relay.NewRaw(b)))
	}
}

// heap returns how many bytes of the heap are in use.
func heap() int {
	for range 3 { // what pools hold goes with the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A tunnel that was busy holds no more memory when it is idle again than one that
// never was: a tls.Conn that keeps its buffers holds a record for each.
func TestTLSTunnelKeepsNoRecord(t *testing.T) {
	const tunnels, most = 100, 12 << 10
	if near, _ := tcpPair(t); relay.HasSource(near) == nil {
		t.Skip("here a read waits with its buffer in hand")
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		grown := func(pair pairFunc) int {
			var all []*joined
			for range tunnels {
				j := join(t, pair, tcpPair)
				moveUp(t, j, 1)
				all = append(all, j)
			}
			before := heap()
			for _, j := range all {
				moveUp(t, j, 1<<20)
			}
			waitFor(t, "all buffers given back", func() bool { return relay.Lent() == 0 })
			return (heap() - before) / tunnels
		}
		if got := grown(tlsPair(version)); got > most {
			t.Errorf("%s: an idle tunnel holds %d bytes more after it was busy, want %d at most", tls.VersionName(version), got, most)
		}
		if got := grown(keepingPair(version)); got <= most {
			t.Errorf("%s: one that keeps its buffers holds %d bytes more: this test sees nothing", tls.VersionName(version), got)
		}
	}
}

// moveUp moves n bytes from the app to the origin.
func moveUp(t *testing.T, j *joined, n int) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { _, err := j.app.Write(make([]byte, n)); sent <- err }()
	if _, err := io.CopyN(io.Discard, j.origin, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}
