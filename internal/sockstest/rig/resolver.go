package rig

import (
	"context"
	"net"
	"sync"
)

// resolver asks the name server at addr, until the test ends: a look-up of
// package net goes on behind a caller that has given up, for up to 10 s.
func (r *rig) resolver(addr string) *net.Resolver {
	var mu sync.Mutex
	var conns []net.Conn
	over := false
	r.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		for _, c := range conns {
			c.Close()
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return nil, net.ErrClosed
		}
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			conns = append(conns, c)
		}
		return c, err
	}}
}
