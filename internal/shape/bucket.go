package shape

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// partTime is what a part takes at the rate, and roundTime what a round of a
	// long queue takes.
	partTime  = 20 * time.Millisecond
	roundTime = 100 * time.Millisecond

	minPart = 1536
	maxPart = 128 << 10

	// burstTime is what the bucket holds. Below the least burst the largest
	// datagram would not fit; the greatest keeps it an int everywhere.
	burstTime = 100 * time.Millisecond
	minBurst  = 64 << 10
	maxBurst  = 1 << 30
)

// bucket is a token bucket of one rate, with its queue. Its debt is a negative
// number of tokens.
type bucket struct {
	rate     int64 // bytes a second
	burst    int
	tokens   *rate.Limiter
	replaced chan struct{} // closed when another bucket takes its place

	queued atomic.Int64  // streams in the queue, the one at its head among them
	turn   chan struct{} // holds the one at the head; who sends waits, in order of arrival
	timer  *time.Timer   // of the one at the head

	mu     sync.Mutex
	ahead  int       // bytes that datagrams have got more than streams
	passes time.Time // when the last stream whose turn it was passes, or passed
}

// newBucket returns an empty bucket, and nil for no limit.
func newBucket(bytesPerSecond int64) *bucket {
	if bytesPerSecond == 0 {
		return nil
	}
	k := &bucket{
		rate:     bytesPerSecond,
		burst:    int(clamp(bytesPerSecond/int64(time.Second/burstTime), minBurst, maxBurst)),
		replaced: make(chan struct{}),
		turn:     make(chan struct{}, 1),
	}
	k.tokens = rate.NewLimiter(rate.Limit(bytesPerSecond), k.burst)
	k.tokens.AllowN(time.Now(), k.burst) // it comes full
	return k
}

func clamp(n, least, most int64) int64 { return min(max(n, least), most) }

// at returns the rate; 0 is no limit.
func (k *bucket) at() int64 {
	if k == nil {
		return 0
	}
	return k.rate
}

// part returns how many bytes a stream takes at once.
func (k *bucket) part() int {
	n := k.rate / int64(time.Second/partTime)
	if round := k.rate / int64(time.Second/roundTime) / (k.queued.Load() + 1); round < n {
		n = round
	}
	return int(clamp(n, minPart, maxPart))
}

// wait queues for the turn of a stream and returns how many of its n bytes may
// pass. When k is replaced that is all of them.
func (k *bucket) wait(ctx context.Context, n int) (passed int, err error) {
	k.queued.Add(1)
	defer k.queued.Add(-1)
	select {
	case k.turn <- struct{}{}:
	case <-k.replaced:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-k.turn }()
	part := k.part()
	if n < 2*part { // a small rest would cost a turn of its own
		part = n
	}
	reserved, delay := k.reserve(part)
	if delay == 0 {
		return part, nil
	}
	if k.timer == nil {
		k.timer = time.NewTimer(delay)
	} else {
		k.timer.Reset(delay)
	}
	defer k.timer.Stop()
	select {
	case <-k.timer.C:
		return part, nil
	case <-k.replaced:
		return n, nil
	case <-ctx.Done():
		reserved.Cancel()
		return 0, ctx.Err()
	}
}

func (k *bucket) reserve(n int) (rate.Reservation, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	r := *k.tokens.ReserveN(now, n)
	delay := r.DelayFrom(now)
	k.ahead, k.passes = max(0, k.ahead-n), now.Add(delay)
	return r, delay
}

// allow is ready, and count if so, in one.
func (k *bucket) allow(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, tokens := k.look()
	if !k.readyAt(now, tokens, n) {
		return false
	}
	k.countAt(now, tokens, n)
	return true
}

// ready reports whether a datagram of n bytes may pass.
func (k *bucket) ready(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, tokens := k.look()
	return k.readyAt(now, tokens, n)
}

// count counts a datagram of n bytes.
func (k *bucket) count(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, tokens := k.look()
	k.countAt(now, tokens, n)
}

// look returns the time, and what is in the bucket then. k.mu is held: a limiter
// that is given an earlier time than before fills the time between twice.
func (k *bucket) look() (now time.Time, tokens float64) {
	now = time.Now()
	return now, k.tokens.TokensAt(now)
}

// readyAt is ready with k.mu held.
func (k *bucket) readyAt(now time.Time, tokens float64, n int) bool {
	switch {
	case tokens >= float64(n): // to spare
		return true
	case k.streaming(now):
		return k.ahead < k.part()
	default:
		return -tokens < float64(k.part())
	}
}

// countAt is count with k.mu held. What the bucket has to spare keeps no stream
// waiting.
func (k *bucket) countAt(now time.Time, tokens float64, n int) {
	n = min(n, k.burst) // what a reservation can be of
	switch {
	case !k.streaming(now):
		k.ahead = 0
	case tokens < float64(n):
		k.ahead += n
	}
	k.tokens.ReserveN(now, n)
}

// streaming reports whether there are streams that datagrams compete with. One
// that has just passed is likely to come back.
func (k *bucket) streaming(now time.Time) bool {
	return k.queued.Load() > 0 || now.Sub(k.passes).Abs() < partTime
}
