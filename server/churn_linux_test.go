package server_test

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// What may rest: the descriptors of a pipe that the relay keeps ready and of the
// place where tunnels are at rest, and the goroutines of a crew.
const (
	restingFiles      = 3
	restingGoroutines = 8
)

// A thousand sessions of each kind leave no descriptor, no goroutine and no
// memory behind.
func TestChurnOfBINDAndUDPLeavesNothing(t *testing.T) {
	h := start(t, &server.Server{})
	kinds := map[string]struct {
		command byte
		to      string
	}{
		"connect": {1, discard(t)}, "BIND": {2, "127.0.0.1:9"}, "UDP": {3, "0.0.0.0:0"}, "UDP frames": {0xF3, "0.0.0.0:0"},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			round := func(n int) {
				for range n {
					c, err := net.Dial("tcp", h.addr) // no Cleanup, which would hold it
					if err != nil {
						t.Fatal(err)
					}
					ask(t, c, kind.command, kind.to, socks5.Succeeded)
					c.(*net.TCPConn).SetLinger(0) // no port is left waiting
					c.Close()
					h.admitted(t)
					h.record(t)
				}
			}
			round(20) // fills the pools
			before := measure()
			round(1000)
			var after held
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				after = measure()
				if after.within(before) {
					break
				}
			}
			if !after.within(before) {
				t.Errorf("held before %+v, after %+v", before, after)
			}
			if grown := int64(after.heap) - int64(before.heap); grown > 1<<20 {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
			if n := len(listed(h)); n != 0 {
				t.Errorf("%d sessions are listed", n)
			}
		})
	}
}

// discard is a TCP listener that reads to the end of every connection.
func discard(t *testing.T) string {
	t.Helper()
	l := listenTCP(t, "127.0.0.1:0")
	go func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	return l.Addr().String()
}

// held is what a process holds.
type held struct {
	files, goroutines int
	heap              uint64
}

// within tells whether what h holds more than before may rest.
func (h held) within(before held) bool {
	return h.files <= before.files+restingFiles && h.goroutines <= before.goroutines+restingGoroutines
}

func measure() held {
	var m runtime.MemStats
	for range 2 { // a pool is emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return held{len(files), runtime.NumGoroutine(), m.HeapAlloc}
}
