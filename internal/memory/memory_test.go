package memory

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a process whose memory a test makes up.
type script struct {
	keeper
	usage
	percents []int
	given    int
}

func newScript() *script {
	s := new(script)
	s.look = func() usage { return s.usage }
	s.setPercent = func(percent int) { s.percents = append(s.percents, percent) }
	s.keeper.giveBack = func() { s.given++ }
	return s
}

// pass lets seconds pass, in each of which so much is allocated.
func (s *script) pass(seconds int, each uint64) {
	for range seconds {
		s.allocated += each
		s.tick()
	}
}

func TestPercentFitsTheHeap(t *testing.T) {
	const mib = 1 << 20
	s := newScript()
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 1000}, {mib, 1000}, {4 * mib, 400}, {4*mib + 100, 400}, {5 * mib, 320}, {8 * mib, 200}, {16 * mib, 100}, {500 * mib, 100}, {2 * mib, 800}} {
		s.live = c.live
		s.tick()
		if s.percent < c.want*4/5 || s.percent > c.want*5/4 {
			t.Errorf("%d MiB are live: got %d %%, want about %d", c.live/mib, s.percent, c.want)
		}
	}
	set := len(s.percents)
	s.pass(100, 0)
	if len(s.percents) != set {
		t.Errorf("set %d times for a heap that stays as it is", len(s.percents)-set)
	}
}

func TestPercentOfTheEnvironmentStays(t *testing.T) {
	s := newScript()
	s.setPercent = nil
	s.live = 100 << 20
	s.pass(3, worth)
}

// Memory is given back once after work, not while there is any, and not for next
// to nothing.
func TestMemoryIsGivenBackAfterWork(t *testing.T) {
	s := newScript()
	step := func(what string, seconds int, each uint64, want int) {
		t.Helper()
		before := s.given
		s.pass(seconds, each)
		if got := s.given - before; got != want {
			t.Errorf("%s: given back %d times, want %d", what, got, want)
		}
	}
	step("at the start", 20, 1000, 0)
	step("while there is work", 30, 4<<20, 0)
	step("after work", 2, 1000, 1)
	step("later", 1000, 1000, 0)
	step("work again", 8, 4<<20, 0)
	step("after that", 20, 1000, 1)
	step("short work", 4, 5<<20, 0)
	step("too soon after the last time", 2, 0, 1)
	step("short work", 4, 5<<20, 0)
	step("too soon after the last time", 2, 0, 0)
	step("a while later", 10, 0, 1)
	step("little, for long", 100, 200<<10, 1)
	s.live = 64 << 20
	step("work on a large heap", 30, 10<<20, 0)
	step("what is calm for that", 64, 2<<20, 4)
}

// What is given back is no longer resident, nor what pools have at rest.
func TestGiveBack(t *testing.T) {
	const size, most = 64 << 20, 8 << 20
	var pool sync.Pool
	for range size / (1 << 20) {
		pool.Put(new([1 << 20]byte))
	}
	giveBack()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if kept := m.HeapSys - m.HeapReleased; kept > most {
		t.Errorf("%d bytes of the heap are kept, want %d at most", kept, most)
	}
}

func TestLook(t *testing.T) {
	before := look()
	block := make([]byte, 10<<20)
	if got := look().allocated - before.allocated; got < uint64(len(block)) {
		t.Errorf("got %d bytes allocated, want %d at least", got, len(block))
	}
}

func TestKeepEndsWithItsContext(t *testing.T) {
	t.Setenv("GOGC", "100")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Keep(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
