package shape

import (
	"context"
	"sync"
	"sync/atomic"
)

// MinRate is the least rate of a Bandwidth that is a limit: 1 KiB a second.
const MinRate = 1 << 10

// Bandwidth holds streams and datagrams together to a number of bytes a second.
// It may be used from many goroutines. The zero value is no limit.
type Bandwidth struct {
	bucket atomic.Pointer[bucket] // nil: no limit

	mu sync.Mutex // of SetRate
}

// NewBandwidth returns a Bandwidth of a rate, as SetRate takes it.
func NewBandwidth(bytesPerSecond int64) *Bandwidth {
	b := &Bandwidth{}
	b.SetRate(bytesPerSecond)
	return b
}

// SetRate changes the rate. 0 is no limit; anything else below [MinRate] is
// MinRate. Streams that wait pass at once, and go on with the new rate. To set the
// rate that is set already changes nothing.
func (b *Bandwidth) SetRate(bytesPerSecond int64) {
	if bytesPerSecond != 0 {
		bytesPerSecond = max(bytesPerSecond, MinRate)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.bucket.Load()
	if old.at() == bytesPerSecond {
		return
	}
	b.bucket.Store(newBucket(bytesPerSecond))
	if old != nil {
		close(old.replaced)
	}
}

// Most returns how many bytes a stream is to ask for at once; 0 is no limit.
func (b *Bandwidth) Most() int {
	k := b.bucket.Load()
	if k == nil {
		return 0
	}
	return k.part()
}

// Wait returns nil once n bytes of a stream may pass, and ctx's error if that
// ends first. It may be more than Most: then it is waited for in parts.
func (b *Bandwidth) Wait(ctx context.Context, n int) error {
	for n > 0 {
		k := b.bucket.Load()
		if k == nil {
			return nil
		}
		passed, err := k.wait(ctx, n)
		if err != nil {
			return err
		}
		n -= passed
	}
	return nil
}

// Allow reports whether a datagram of n bytes may pass now, and counts it if so.
func (b *Bandwidth) Allow(n int) bool {
	k := b.bucket.Load()
	return k == nil || k.allow(n)
}

// ready reports whether Allow would say yes.
func (b *Bandwidth) ready(n int) bool {
	k := b.bucket.Load()
	return k == nil || k.ready(n)
}

// count counts a datagram of n bytes that passes.
func (b *Bandwidth) count(n int) {
	if k := b.bucket.Load(); k != nil {
		k.count(n)
	}
}
