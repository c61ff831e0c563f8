package rig

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/sockstest"
)

// SlowClients has two thousand slow clients come over each of the carriers, and
// holds the servers to leave no descriptor and no goroutine behind.
func SlowClients(t *testing.T, hops int, carriers ...sockstest.Carrier) {
	pollerIsThere(t)
	for _, carrier := range carriers {
		files, goroutines := holds(t)
		t.Run(string(carrier), func(t *testing.T) {
			sockstest.RunOne(t, Start, sockstest.Mode{Carrier: carrier, Hops: hops}, sockstest.Slow()[0])
		})
		var moreFiles, moreGoroutines int
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			moreFiles, moreGoroutines = holds(t)
			if moreFiles <= files && moreGoroutines <= goroutines {
				break
			}
		}
		if moreFiles > files || moreGoroutines > goroutines {
			t.Errorf("%s: %d descriptors and %d goroutines before, %d and %d after", carrier, files, goroutines, moreFiles, moreGoroutines)
		}
	}
}

// pollerIsThere has the runtime open the descriptors of its own that it opens
// with the first socket.
func pollerIsThere(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// holds counts the goroutines, and the descriptors but for what the relay keeps once
// it has it: some pipes, and the place where tunnels are at rest.
func holds(t *testing.T) (files, goroutines int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name()) // it may be closed by now
		if !strings.HasPrefix(to, "pipe:") && to != "anon_inode:[eventpoll]" {
			files++
		}
	}
	return files, runtime.NumGoroutine()
}
