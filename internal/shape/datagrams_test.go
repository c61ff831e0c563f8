package shape_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/shape"
)

func TestDatagramsAloneGetTheRate(t *testing.T) {
	const seconds = 20
	for rate, size := range map[int]int{100 * kib: 1200, 2 * mib: 1200, 640 * kib: 65507} {
		inWorld(t, func(w *world) {
			b := shape.NewBandwidth(int64(rate))
			f := w.datagrams(b, size, often(size, rate))
			time.Sleep(seconds * time.Second)
			w.within(fmt.Sprintf("%d of %d bytes a second", size, rate), f.got(), seconds*rate, 5)
		})
	}
}

// often is an interval in which datagrams of a size come to five times the rate.
func often(size, rate int) time.Duration {
	return time.Duration(size) * time.Second / time.Duration(5*rate)
}

// Those who send less than there is lose nothing, whoever else sends.
func TestFewDatagramsPassBesideStreams(t *testing.T) {
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(mib)
		for range 10 {
			w.stream(b)
		}
		f := w.datagrams(b, 200, 20*time.Millisecond) // a call
		time.Sleep(10 * time.Second)
		w.within("bytes of the call", f.got(), 10*50*200, 5)
	})
}

// Datagrams and streams, each of which want all, get half of it.
func TestDatagramsAndStreamsShareEvenly(t *testing.T) {
	for _, c := range []struct{ rate, streams, size, seconds int }{
		{50 * kib, 1, 1200, 100}, {50 * kib, 10, 1200, 100}, {50 * kib, 1, 100, 20}, {50 * kib, 1, 65507, 100},
		{mib, 1, 1200, 10}, {mib, 50, 1200, 10}, {mib, 1, 65507, 20}, {mib, 50, 65507, 20},
		{20 * mib, 1, 1400, 2}, {20 * mib, 10, 1400, 2},
	} {
		inWorld(t, func(w *world) {
			b := shape.NewBandwidth(int64(c.rate))
			streams := make([]*flow, c.streams)
			for i := range streams {
				streams[i] = w.stream(b)
			}
			datagrams := w.datagrams(b, c.size, often(c.size, c.rate))
			time.Sleep(time.Duration(c.seconds) * time.Second)
			sum := 0
			for _, f := range streams {
				sum += f.got()
			}
			got := datagrams.got()
			w.within(fmt.Sprintf("%v: datagrams", c), got, c.rate*c.seconds/2, 10)
			w.within(fmt.Sprintf("%v: streams", c), sum, c.rate*c.seconds/2, 10)
			if most := c.rate*c.seconds + max(c.rate/10, 64*kib); sum+got > most {
				w.Errorf("%v: got %d, want %d at most", c, sum+got, most)
			}
		})
	}
}

func TestDatagramsASecond(t *testing.T) {
	for rate, burst := range map[int]int{-1: 16, 1: 16, 100: 16, 10_000: 1000} {
		inWorld(t, func(w *world) {
			d := shape.NewDatagrams(rate)
			count := func() (n int) {
				for d.Allow(1) {
					n++
				}
				return n
			}
			if got := count(); got != burst {
				w.Errorf("rate %d: %d at once, want %d", rate, got, burst)
			}
			passed := 0
			for range 10_000 {
				time.Sleep(time.Millisecond)
				passed += count()
			}
			w.within(fmt.Sprint("rate ", rate), passed, 10*max(rate, 1), 5)
		})
	}
}

func TestDatagramsSetRate(t *testing.T) {
	inWorld(t, func(w *world) {
		d := &shape.Datagrams{}
		if !d.Allow(1 << 20) {
			w.Error("not allowed without a limit")
		}
		d.SetRate(10)
		if !d.Allow(16) || d.Allow(1) {
			w.Error("want 16 at once, and no more")
		}
		d.SetRate(10)
		if d.Allow(1) {
			w.Error("the same rate again gives a burst")
		}
		d.SetRate(0)
		if !d.Allow(1 << 20) {
			w.Error("not allowed with the limit taken away")
		}
	})
}
