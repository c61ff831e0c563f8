package carrier_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// idleMemory wants n carriers that have moved a datagram both ways and now wait
// for the next to hold less than 16 KiB each: no buffer. pair makes the two
// ends of one.
func idleMemory(t *testing.T, pair func() (near, far carrier.Conn)) {
	const n = 100
	before := heap()
	var readers sync.WaitGroup
	var conns []carrier.Conn
	for range n {
		near, far := pair()
		write(t, far, to(t, "192.0.2.1:53", filled(60000)))
		read(t, near, 1)
		write(t, near, to(t, "192.0.2.1:53", filled(60000)))
		read(t, far, 1)
		for _, c := range []carrier.Conn{near, far} {
			conns = append(conns, c)
			readers.Go(func() { c.ReadBatch(make([]carrier.Datagram, 1)) }) // ends with Close
		}
	}
	// The buffers go when every reader has come to its wait.
	deadline := time.Now().Add(10 * time.Second)
	used := heap() - before
	for used > 2*n*16<<10 && time.Now().Before(deadline) {
		runtime.Gosched()
		used = heap() - before
	}
	if used > 2*n*16<<10 {
		t.Errorf("got %d bytes for each idle carrier, want less than 16 KiB", used/(2*n))
	}
	for _, c := range conns {
		c.Close()
	}
	readers.Wait()
}

// heap is what is reachable; the second collection empties the pools.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestUDPPacketIdleHoldsNoBuffer(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		idleMemory(t, func() (near, far carrier.Conn) {
			a := associate(t, "127.0.0.1:0", anyPort, use)
			return a.server, a.client
		})
	})
}

func TestUDPStreamIdleHoldsNoBuffer(t *testing.T) {
	idleMemory(t, func() (near, far carrier.Conn) {
		a, b := tcpPair(t)
		return newStream(t, a, socks5.UDPTun, nil), newStream(t, b, socks5.UDPTun, nil)
	})
}
