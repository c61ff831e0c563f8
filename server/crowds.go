package server

import (
	"fmt"
	"net/netip"
	"sync"
)

// errCrowd is the reason of a connection whose address has as many as it may.
var errCrowd = fmt.Errorf("%w from its address", ErrTooMany)

// crowds counts connections by the address they come from.
type crowds struct {
	mu    sync.Mutex
	count map[netip.Addr]int
}

// enter counts s in, unless its address has limit connections already; 0 is no
// limit.
func (c *crowds) enter(s *Session, limit int) error {
	addr := crowdOf(s.Client)
	if limit == 0 || !addr.IsValid() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[addr] >= limit {
		return errCrowd
	}
	if c.count == nil {
		c.count = make(map[netip.Addr]int)
	}
	c.count[addr]++
	s.crowd = addr
	return nil
}

// leave counts s out, if it was counted in.
func (c *crowds) leave(s *Session) {
	if !s.crowd.IsValid() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[s.crowd]--; c.count[s.crowd] == 0 {
		delete(c.count, s.crowd)
	}
}
