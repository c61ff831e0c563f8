package carrier

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The bounds of a Names.
const (
	nameTTL       = 60 * time.Second // of an answer
	noNameTTL     = 5 * time.Second  // of a failure
	lookupTimeout = 10 * time.Second
	maxNames      = 256 // known at once
	maxLookups    = 64  // under way at once
	maxWaiting    = 16  // for one look-up
)

// LookupFunc finds the addresses of a host, as (*net.Resolver).LookupNetIP does
// for the network "ip". It must return soon after ctx is done.
type LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// Names looks host names up beside a loop that must not wait: it keeps answers
// for 60 seconds and failures for 5, asks once for a name that several wait
// for, and bounds what is kept, what is under way and what waits. Its methods
// may be called by any number of goroutines.
type Names struct {
	lookup LookupFunc
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the look-ups

	mu      sync.Mutex
	known   map[string]answer
	waiting map[string][]func([]netip.Addr) // by the name that is looked up
}

// answer is what a look-up found, nothing for a failure.
type answer struct {
	ips     []netip.Addr
	expires time.Time
}

// NewNames returns a Names that asks lookup, or net.DefaultResolver when it is
// nil. Close it.
func NewNames(lookup LookupFunc) *Names {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	n := &Names{lookup: lookup, known: make(map[string]answer), waiting: make(map[string][]func([]netip.Addr))}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// Lookup returns the addresses of host, best first and none when it has none.
// When they are not known, known is false: ask [Names.Resolve]. The caller must
// not change the slice. It never waits and does not allocate.
func (n *Names) Lookup(host string) (ips []netip.Addr, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.known[host]
	if !ok || !time.Now().Before(a.expires) {
		return nil, false
	}
	return a.ips, true
}

// Resolve looks host up and then calls then, from a goroutine, with what Lookup
// would return: once, whatever happens, Close included. It returns false, and
// does neither, when too many look-ups are under way or too many calls wait for
// this one. It never waits; then must not call Close.
func (n *Names) Resolve(host string, then func(ips []netip.Addr)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	waiting, asked := n.waiting[host]
	if n.ctx.Err() != nil || len(waiting) >= maxWaiting || !asked && len(n.waiting) >= maxLookups {
		return false
	}
	n.waiting[host] = append(waiting, then)
	if !asked {
		n.wg.Go(func() { n.ask(host) }) // ends with the look-up, or soon after Close
	}
	return true
}

// ask looks host up, keeps the answer and passes it on.
func (n *Names) ask(host string) {
	ctx, cancel := context.WithTimeout(n.ctx, lookupTimeout)
	defer cancel()
	found, err := n.lookup(ctx, host)
	a := answer{expires: time.Now().Add(noNameTTL)}
	if err == nil && len(found) > 0 {
		a = answer{ips: make([]netip.Addr, len(found)), expires: time.Now().Add(nameTTL)}
		for i, ip := range found {
			a.ips[i] = bare(ip)
		}
	}
	n.mu.Lock()
	n.keep(host, a)
	waiting := n.waiting[host]
	delete(n.waiting, host)
	n.mu.Unlock()
	for _, then := range waiting {
		then(a.ips)
	}
}

// keep makes room for an answer, if need be of one that is still good.
func (n *Names) keep(host string, a answer) {
	if len(n.known) >= maxNames {
		now := time.Now()
		for name, old := range n.known {
			if now.After(old.expires) {
				delete(n.known, name)
			}
		}
	}
	for name := range n.known {
		if len(n.known) < maxNames {
			break
		}
		delete(n.known, name)
	}
	n.known[host] = a
}

// Close ends the look-ups under way and waits until the last then has returned.
func (n *Names) Close() error {
	n.mu.Lock()
	n.cancel()
	n.mu.Unlock()
	n.wg.Wait()
	return nil
}
