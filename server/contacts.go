package server

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// maxContacts is how many hosts an association remembers that it sent to, where
// no quota says less.
const maxContacts = 4096

// contacts is the hosts that an association has sent to, and may have answers
// from. Its zero value knows none.
type contacts struct {
	clock atomic.Int64 // ticks with each datagram

	mu    sync.RWMutex
	hosts map[netip.Addr]*contact
}

// contact is when a host was sent to last.
type contact struct{ last atomic.Int64 }

// has tells whether ip was sent to.
func (c *contacts) has(ip netip.Addr) bool { return c.find(ip) != nil }

func (c *contacts) find(ip netip.Addr) *contact {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.hosts[ip]
}

// note remembers that ip is sent to, and no more than most hosts.
func (c *contacts) note(ip netip.Addr, most int) {
	known := c.find(ip)
	if known == nil {
		known = c.add(ip, most)
	}
	known.last.Store(c.clock.Add(1))
}

func (c *contacts) add(ip netip.Addr, most int) *contact {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		c.hosts = make(map[netip.Addr]*contact)
	}
	if len(c.hosts) >= most {
		c.evict(len(c.hosts) - most + 1 + most/8)
	}
	known := new(contact)
	c.hosts[ip] = known
	return known
}

// evict forgets the n hosts that were not sent to for longest. It forgets several
// at once, so that a client that goes from host to host does not have them all
// looked through for each. c.mu is held.
func (c *contacts) evict(n int) {
	type aged struct {
		ip   netip.Addr
		last int64
	}
	all := make([]aged, 0, len(c.hosts))
	for ip, known := range c.hosts {
		all = append(all, aged{ip, known.last.Load()})
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.last, b.last) })
	for _, old := range all[:min(n, len(all))] {
		delete(c.hosts, old.ip)
	}
}
