package forwarder_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// Every server is checked at once, and then again and again, never twice at a
// time and not at fixed times.
func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		log := new(logged)
		s := servers(a, b)
		s.Log = newLog(log)
		stop := run(t, s)
		synctest.Wait()
		for _, n := range []*node{a, b} {
			if dials, checks, asked := n.counts(); dials != 1 || checks != 1 || asked != 0 {
				t.Errorf("%s at once: %d dials, %d checks, %d requests, want 1, 1, 0", n.name, dials, checks, asked)
			}
		}
		time.Sleep(100 * forwarder.DefaultCheckEvery)
		stop()
		synctest.Wait()
		first, _, _ := a.counts()
		second, _, _ := b.counts()
		for _, dials := range []int{first, second} {
			if dials < 85 || dials > 120 {
				t.Errorf("%d checks in the time of a hundred", dials)
			}
		}
		if a.overlap != 1 || b.overlap != 1 || log.count("\n") != 0 {
			t.Errorf("at once: %d and %d, want one; %d lines in the log, want none", a.overlap, b.overlap, log.count("\n"))
		}
		time.Sleep(time.Hour)
		if dials, _, _ := a.counts(); dials != first {
			t.Errorf("%d checks after the end", dials-first)
		}
	})
}

// A server that is down is checked less and less often, and taken back by the
// check that finds it working. Each change is one line.
func TestChecksBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		log := new(logged)
		s := servers(a, b)
		s.Log = newLog(log)
		run(t, s)
		synctest.Wait()
		a.become(refusing)
		if err := dial(t, s); err != nil || ups(s) != "b:0" {
			t.Fatalf("got %v, up: %s", err, ups(s))
		}
		before, _, _ := a.counts()
		at := func(after time.Duration, least, most int) {
			t.Helper()
			time.Sleep(after)
			if dials, _, _ := a.counts(); dials-before < least || dials-before > most {
				t.Errorf("%d checks, want %d to %d", dials-before, least, most)
			}
		}
		at(700*time.Millisecond, 0, 0)
		at(600*time.Millisecond, 1, 1)    // after 1 s
		at(60*time.Second, 4, 6)          // after 2, 4, 8, 16, 32
		at(20*time.Minute, 4+15, 6+20+10) // each minute
		a.become(fine)
		time.Sleep(80 * time.Second)
		if got := ups(s); got != "a:0 b:0" {
			t.Errorf("up: got %s, want both", got)
		}
		if down, up, all := log.count("server is down"), log.count("server is up again"), log.count("\n"); down != 1 || up != 1 || all != 2 {
			t.Errorf("%d lines, %d down, %d up, want one of each", all, down, up)
		}
		if err := dial(t, s); err != nil {
			t.Error(err)
		}
		if _, _, asked := a.counts(); asked != 1 {
			t.Errorf("%d requests to the first, want it to be the first again", asked)
		}
	})
}

// While a server is down each cause of it is one line, with what to do.
func TestEachCauseIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, log := newNode("a"), new(logged)
		s := servers(a)
		s.Log = newLog(log)
		run(t, s)
		for range 2 {
			for _, is := range []condition{refusing, rejecting, mute, refusing} {
				a.turn(is) // a check that is under way ends as it would have
				time.Sleep(10 * time.Minute)
			}
			a.turn(fine)
			time.Sleep(10 * time.Minute)
		}
		for text, want := range map[string]int{
			"cause=port_closed hint=\"nothing listens on that port": 2, "cause=login_method hint=\"the proxy wants": 2,
			"cause=silent hint=\"what listens there": 2, "server is up again": 2, "\n": 8,
		} {
			if got := log.count(text); got != want {
				t.Errorf("%q: got %d times, want %d", text, got, want)
			}
		}
	})
}

// Many connections that fail at once are one failure.
func TestFailuresAtOnceAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newNode("a")
		a.become(refusing)
		s := servers(a)
		for range 100 {
			if err := dial(t, s); err == nil {
				t.Fatal("got a conn")
			}
		}
		run(t, s)
		time.Sleep(1300 * time.Millisecond) // were it more than one, it would take longer
		a.become(fine)
		time.Sleep(2600 * time.Millisecond)
		if got := ups(s); got != "a:0" {
			t.Error("it is still set aside")
		}
	})
}

// Without checks it is connections that try a server again, once its time is
// over.
func TestNobodyChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		s := servers(a, b)
		a.become(refusing)
		for range 3 {
			if err := dial(t, s); err != nil {
				t.Fatal(err)
			}
		}
		if dials, _, _ := a.counts(); dials != 1 {
			t.Errorf("%d dials, want 1", dials)
		}
		a.become(fine)
		time.Sleep(1300 * time.Millisecond)
		if err := dial(t, s); err != nil || ups(s) != "a:0 b:0" {
			t.Errorf("got %v, up: %s", err, ups(s))
		}
	})
}

// Servers that come are checked, and those that go no more.
func TestChecksFollowSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		s := servers(a)
		run(t, s)
		synctest.Wait()
		s.Set(forwarder.Server{Dialer: b.dialer()})
		time.Sleep(10 * forwarder.DefaultCheckEvery)
		first, _, _ := a.counts()
		second, _, _ := b.counts()
		if first != 1 || second < 8 {
			t.Errorf("%d checks of who left, %d of who came", first, second)
		}
	})
}

// slow makes the way to a node take time.
type slow struct {
	*node
	takes atomic.Int64 // milliseconds
}

func newSlow(name string, takes int64) *slow {
	w := &slow{node: newNode(name)}
	w.takes.Store(takes)
	return w
}

func (w *slow) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	time.Sleep(time.Duration(w.takes.Load()) * time.Millisecond)
	return w.node.DialContext(ctx, network, address)
}

// Checks measure all, so that the quickest is known before the first request,
// and another that becomes much quicker is found.
func TestLatencyByChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ways := []*slow{newSlow("a", 50), newSlow("b", 20), newSlow("c", 80)}
		var dialers []*client.Dialer
		for _, w := range ways {
			dialers = append(dialers, &client.Dialer{Address: w.name + ":1080", Forward: w})
		}
		s := forwarder.NewServers(dialers...)
		s.Balance = forwarder.Latency
		run(t, s)
		time.Sleep(time.Second)
		for i, want := range []time.Duration{50, 20, 80} {
			if got := s.Status()[i].Latency; got != want*time.Millisecond {
				t.Errorf("latency: got %v, want %d ms", got, want)
			}
		}
		requests := func() (counts [3]int) {
			for i, w := range ways {
				_, _, counts[i] = w.counts()
			}
			return counts
		}
		for range 10 {
			if err := dial(t, s); err != nil {
				t.Fatal(err)
			}
		}
		if got := requests(); got != [3]int{0, 10, 0} {
			t.Errorf("requests: got %v, want all to the second", got)
		}
		ways[1].takes.Store(90)
		time.Sleep(20 * forwarder.DefaultCheckEvery)
		for range 10 {
			if err := dial(t, s); err != nil {
				t.Fatal(err)
			}
		}
		if got := requests(); got != [3]int{10, 10, 0} {
			t.Errorf("requests: got %v, want the first to have taken over", got)
		}
	})
}
