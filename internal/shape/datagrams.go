package shape

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// minCount is how many datagrams may always come at once: what an association
// takes from its socket in one go.
const minCount = 16

// Datagrams holds datagrams to a number a second, with a burst of 100 ms of that
// and of 16 at least. It may be used from many goroutines. The zero value is no
// limit.
type Datagrams struct {
	counter atomic.Pointer[counter] // nil: no limit
}

// counter is a token bucket of one rate.
type counter struct {
	perSecond int

	mu     sync.Mutex
	tokens *rate.Limiter
}

// NewDatagrams returns Datagrams of a rate, as SetRate takes it.
func NewDatagrams(perSecond int) *Datagrams {
	d := &Datagrams{}
	d.SetRate(perSecond)
	return d
}

// SetRate changes the rate. 0 is no limit, and less than that is 1. To set the
// rate that is set already changes nothing.
func (d *Datagrams) SetRate(perSecond int) {
	if perSecond == 0 {
		d.counter.Store(nil)
		return
	}
	perSecond = max(perSecond, 1)
	if old := d.counter.Load(); old != nil && old.perSecond == perSecond {
		return
	}
	burst := max(minCount, perSecond/int(time.Second/burstTime))
	d.counter.Store(&counter{perSecond: perSecond, tokens: rate.NewLimiter(rate.Limit(perSecond), burst)})
}

// Allow reports whether n datagrams may pass now, all of them, and counts them if
// so. More than the burst never may.
func (d *Datagrams) Allow(n int) bool {
	c := d.counter.Load()
	return c == nil || c.allow(n)
}

// ready reports whether Allow would say yes to one.
func (d *Datagrams) ready() bool {
	c := d.counter.Load()
	return c == nil || c.tokens.Tokens() >= 1
}

// allow reads the clock under the lock, as bucket.look does.
func (c *counter) allow(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens.AllowN(time.Now(), n)
}
