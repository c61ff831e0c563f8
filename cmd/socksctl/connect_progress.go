package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/client"
)

// unseen is how long something may take before a person is told what it is.
const unseen = time.Second

// connectSeen connects to target by d, and tells a person who has to wait what for:
// the proxy, or the target.
func connectSeen(ctx context.Context, s streams, d *client.Dialer, target string) (net.Conn, error) {
	var reached atomic.Bool
	ctx = client.WithAttempt(ctx, client.Attempt{Reached: func(time.Duration) { reached.Store(true) }})
	line, over := s.progress(), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() { // ends when over is closed
		line.waiting(over, func() string {
			if reached.Load() {
				return target
			}
			return d.URL()
		})
	})
	c, err := d.DialContext(ctx, "tcp", target)
	close(over)
	telling.Wait()
	line.clear()
	return c, err
}

// waiting says what is waited for, and for how long by now, until over is closed.
func (p *progress) waiting(over <-chan struct{}, what func() string) {
	begin, tick := time.Now(), time.NewTicker(unseen)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			p.show("waiting for %s, %v", what(), time.Since(begin).Round(time.Second))
		}
	}
}
