package shape_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/shape"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

func TestStreamsShareEvenly(t *testing.T) {
	const seconds = 10
	for _, rate := range []int{500 * kib, mib, 20 * mib} {
		for _, n := range []int{1, 2, 10, 100} {
			inWorld(t, func(w *world) {
				b := shape.NewBandwidth(int64(rate))
				flows := make([]*flow, n)
				for i := range flows {
					flows[i] = w.stream(b)
				}
				time.Sleep(5 * time.Second) // the first came when there were few, and had large parts
				for _, f := range flows {
					f.got()
				}
				time.Sleep(seconds * time.Second)
				sum := 0
				for i, f := range flows {
					got := f.got()
					sum += got
					w.within(fmt.Sprintf("%d bytes a second, stream %d of %d", rate, i, n), got, rate*seconds/n, 10)
				}
				w.within(fmt.Sprintf("%d bytes a second, sum of %d", rate, n), sum, rate*seconds, 5)
			})
		}
	}
}

// The least and the greatest rate are as exact as the others.
func TestExtremeRates(t *testing.T) {
	for rate, ms := range map[int]int{1: 1_000_000, shape.MinRate: 1_000_000, 100 * gib: 100} {
		inWorld(t, func(w *world) {
			b := shape.NewBandwidth(int64(rate))
			f := w.stream(b)
			time.Sleep(time.Duration(ms) * time.Millisecond)
			w.within(fmt.Sprintf("%d bytes a second", rate), f.got(), max(rate, shape.MinRate)*ms/1000, 5)
		})
	}
}

func TestNewcomerGetsItsShare(t *testing.T) {
	const rate = mib
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(rate)
		for range 100 {
			w.stream(b)
		}
		time.Sleep(5 * time.Second)
		newcomer := w.stream(b)
		time.Sleep(200 * time.Millisecond)
		if newcomer.got() == 0 {
			w.Error("nothing within 200 ms")
		}
		time.Sleep(10 * time.Second)
		w.within("share", newcomer.got(), 10*rate/101, 10)
	})
}

func TestStoppedStreamFreesItsShare(t *testing.T) {
	const rate = 4 * mib
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(rate)
		stays, goes := w.stream(b), w.stream(b)
		time.Sleep(5 * time.Second)
		goes.stop()
		stays.got()
		time.Sleep(10 * time.Second)
		w.within("what stays", stays.got(), 10*rate, 5)
	})
}

// A stream that gives up, over and over, takes nothing from the others.
func TestAbandonedReservationIsGivenBack(t *testing.T) {
	const rate = 100 * kib
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(rate)
		stays := w.stream(b)
		abandoned := 0
		moody := w.start(func(ctx context.Context) (int, error) {
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			n := b.Most()
			if b.Wait(short, n) != nil {
				n = 0
				abandoned++
			}
			return n, ctx.Err()
		})
		time.Sleep(10 * time.Second)
		w.within("sum", stays.got()+moody.got(), 10*rate, 5)
		w.stop()
		w.all.Wait()
		if abandoned < 100 {
			w.Errorf("only %d waits were abandoned", abandoned)
		}
	})
}

// What is not used may be had later, as far as the burst goes and no further.
func TestBurst(t *testing.T) {
	for rate, burst := range map[int]int{100 * kib: 64 * kib, 10 * mib: mib} {
		inWorld(t, func(w *world) {
			b := shape.NewBandwidth(int64(rate))
			time.Sleep(time.Hour)
			begun := time.Now()
			if err := b.Wait(w.ctx, burst); err != nil || time.Since(begun) != 0 {
				w.Errorf("rate %d: %v after %v, want the burst at once", rate, err, time.Since(begun))
			}
			if err := b.Wait(w.ctx, rate); err != nil {
				w.Error(err)
			}
			w.within("ms for what follows", int(time.Since(begun).Milliseconds()), 1000, 1)
		})
	}
}

// Who comes as somebody new has no burst to begin with.
func TestNewBandwidthIsEmpty(t *testing.T) {
	inWorld(t, func(w *world) {
		begun := time.Now()
		for range 10 {
			if err := shape.NewBandwidth(mib).Wait(w.ctx, mib/10); err != nil {
				w.Fatal(err)
			}
		}
		w.within("ms", int(time.Since(begun).Milliseconds()), 1000, 1)
	})
}

func TestSetRateTakesEffectAtOnce(t *testing.T) {
	for _, c := range []struct{ from, to int }{
		{kib, 10 * mib}, {10 * mib, 100 * kib}, {100 * mib, 50 * kib}, {0, mib},
	} {
		inWorld(t, func(w *world) {
			b := shape.NewBandwidth(int64(c.from))
			flows := make([]*flow, 5)
			for i := range flows {
				flows[i] = w.stream(b)
			}
			time.Sleep(3 * time.Second)
			b.SetRate(int64(c.to))
			time.Sleep(100 * time.Millisecond)
			for _, f := range flows {
				f.got()
			}
			time.Sleep(10 * time.Second)
			sum := 0
			for i, f := range flows {
				got := f.got()
				sum += got
				w.within(fmt.Sprintf("%v: share of stream %d", c, i), got, 10*c.to/len(flows), 10)
			}
			w.within(fmt.Sprint(c), sum, 10*c.to, 5)
		})
	}
}

func TestLimitTakenAway(t *testing.T) {
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(kib)
		done := make(chan error)
		for range 10 {
			go func() { done <- b.Wait(w.ctx, mib) }()
		}
		time.Sleep(time.Second)
		before := time.Now()
		b.SetRate(0)
		for range 10 {
			if err := <-done; err != nil {
				w.Error(err)
			}
		}
		if after := time.Since(before); after != 0 || b.Most() != 0 || !b.Allow(mib) {
			w.Errorf("free after %v, %d at once", after, b.Most())
		}
	})
}

// A reload that changes nothing gives nobody a new bucket.
func TestSameRateIsNoChange(t *testing.T) {
	const rate = 100 * kib
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(rate)
		f := w.stream(b)
		w.start(func(ctx context.Context) (int, error) {
			b.SetRate(rate)
			time.Sleep(time.Millisecond)
			return 0, ctx.Err()
		})
		time.Sleep(10 * time.Second)
		w.within("bytes", f.got(), 10*rate, 5)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	inWorld(t, func(w *world) {
		b := shape.NewBandwidth(kib)
		ended := make(chan error)
		for range 3 { // one at the head of the queue
			go func() { ended <- b.Wait(w.ctx, 100*kib) }()
		}
		time.Sleep(time.Second)
		before := time.Now()
		w.stop()
		for range 3 {
			if err := <-ended; err != context.Canceled {
				w.Errorf("got %v, want %v", err, context.Canceled)
			}
		}
		if after := time.Since(before); after != 0 {
			w.Errorf("ended after %v, want at once", after)
		}
	})
}
