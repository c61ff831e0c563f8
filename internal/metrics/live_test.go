package metrics_test

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// watcher is called on a session's goroutine around the moment at which it is
// counted as ended.
type watcher func(s *server.Session)

func (watcher) Opened(*server.Session)     {}
func (w watcher) Closed(s *server.Session) { w(s) }

// A session that ends is neither counted twice nor missing for a moment, although
// the server still lists it when observers are told.
func TestEndCountsOnce(t *testing.T) {
	const bytes = `socksctl_bytes_total{command="connect",direction="up"}`
	var r *rig
	told := make(chan struct{})
	r = start(t, new(server.Server), watcher(func(s *server.Session) {
		defer close(told)
		listed := 0
		for range r.server.Sessions() {
			listed++
		}
		got := r.scrape(t)
		active := got[`socksctl_sessions_active{command="connect",listener="`+r.addr+`"}`]
		if got[bytes] != 5 || active != 0 || listed != 1 {
			t.Errorf("got %v bytes in %v sessions while %d are listed, want 5 in 0 while 1 is", got[bytes], active, listed)
		}
	}))
	c, err := r.client().DialContext(t.Context(), "tcp", proxytest.Echo(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := talk(c, "hello"); err != nil {
		t.Fatal(err)
	}
	r.until(t, strings.TrimPrefix(bytes, "socksctl_"), 5) // a relay counts what it has sent
	c.Close()
	r.ended(t)
	<-told
	r.scrape(t).want(t, samples{strings.TrimPrefix(bytes, "socksctl_"): 5})
}

// Counters never go backwards while sessions come and go, and when all have gone
// they are what was moved, to the byte.
func TestMonotonyUnderChurn(t *testing.T) {
	const workers, each = 8, 25
	r := start(t, new(server.Server))
	scraped := make(chan int)
	done, stop := context.WithCancel(t.Context())
	for range 2 { // scrapes meet each other too
		go func() { scraped <- r.watch(t, done) }() // ends with done
	}
	to, far := proxytest.Echo(t), echoPackets(t)
	var moved churned
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				r.session(t, to, &moved)
				r.association(t, far, &moved)
			}
		})
	}
	wg.Wait()
	for range 2 * workers * each {
		r.ended(t)
	}
	stop()
	if n := <-scraped + <-scraped; n < workers {
		t.Errorf("scraped %d times meanwhile", n)
	}
	r.scrape(t).want(t, samples{
		`bytes_total{command="connect",direction="up"}`:                float64(moved.bytes),
		`bytes_total{command="connect",direction="down"}`:              float64(moved.bytes),
		`bytes_total{command="udp",direction="up"}`:                    float64(2 * moved.datagrams),
		`bytes_total{command="udp",direction="down"}`:                  float64(2 * moved.datagrams),
		`udp_datagrams_total{direction="up"}`:                          float64(moved.datagrams),
		`udp_datagrams_total{direction="down"}`:                        float64(moved.datagrams),
		`session_duration_seconds_count`:                               2 * workers * each,
		`sessions_total{command="connect",result="ok"}`:                workers * each,
		`sessions_total{command="udp",result="ok"}`:                    workers * each,
		`sessions_active{command="connect",listener="` + r.addr + `"}`: 0,
	})
}

// churned is what clients moved.
type churned struct {
	mu               sync.Mutex
	bytes, datagrams int
}

func (c *churned) add(bytes, datagrams int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += bytes
	c.datagrams += datagrams
}

// session sends some text there and back.
func (r *rig) session(t *testing.T, to string, moved *churned) {
	c, err := r.client().DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for range 1 + rand.IntN(3) {
		text := strings.Repeat("x", 1+rand.IntN(40000))
		if err := talk(c, text); err != nil {
			t.Error(err)
			return
		}
		moved.add(len(text), 0)
	}
}

// association sends some datagrams there and back.
func (r *rig) association(t *testing.T, to net.Addr, moved *churned) {
	d := r.client()
	pc, err := d.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Error(err)
		return
	}
	defer pc.Close()
	b := make([]byte, 10)
	for range 1 + rand.IntN(3) {
		if _, err := pc.WriteTo([]byte("hi"), to); err != nil {
			t.Error(err)
			return
		}
		if _, _, err := pc.ReadFrom(b); err != nil {
			t.Error(err)
			return
		}
		moved.add(0, 1)
	}
}

// watch scrapes until ctx ends, wants no counter ever to be less than before, and
// returns how often it did.
func (r *rig) watch(t *testing.T, ctx context.Context) (n int) {
	var last samples
	for ; ctx.Err() == nil; n++ {
		now := r.scrape(t)
		for name, v := range last {
			gauge := !strings.Contains(name, "_total") && !strings.Contains(name, "_count")
			if got, ok := now[name]; !ok || got < v && !gauge {
				t.Errorf("%s: got %v after %v", name, got, v)
			}
		}
		last = now
	}
	return n
}

// echoPackets is echo for datagrams.
func echoPackets(t *testing.T) net.Addr {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() { // ends when pc is closed
		b := make([]byte, 2000)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(b[:n], from)
		}
	}()
	return pc.LocalAddr()
}
