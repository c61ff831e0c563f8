package forwarder_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/sockstest"
	"github.com/socksctl/socksctl/internal/sockstest/rig"
)

// Two thousand slow clients leave no descriptor and no goroutine behind.
func TestSlowClientsTLS(t *testing.T) {
	for _, carrier := range []sockstest.Carrier{sockstest.TLS13, sockstest.MutualTLS} {
		files, goroutines := holds(t)
		t.Run(string(carrier), func(t *testing.T) {
			sockstest.RunOne(t, rig.Start, sockstest.Mode{Carrier: carrier, Hops: 1}, sockstest.Slow()[0])
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

// holds counts the descriptors that are no pipes, of which the relay keeps some,
// and the goroutines.
func holds(t *testing.T) (files, goroutines int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); len(to) < 5 || to[:5] != "pipe:" {
			files++
		}
	}
	return files, runtime.NumGoroutine()
}
