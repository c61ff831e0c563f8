package forwarder

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/socksctl/socksctl/client"
)

// Run keeps s at what its SRV says, and checks every server by a handshake: at
// once, then from time to time, and one that was set aside when its time is over.
// There is never more than one check of a server under way. Run returns nil when
// ctx ends.
func (s *Servers) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	if s.SRV != nil {
		running.Go(func() { s.follow(ctx) }) // ends with ctx
	}
	if s.CheckEvery >= 0 {
		running.Go(func() { s.checkAll(ctx) }) // so does this
	}
	<-ctx.Done()
	return nil
}

// checkAll has each of the servers checked, until ctx ends.
func (s *Servers) checkAll(ctx context.Context) {
	s.count(1)
	defer s.count(-1)
	s.each(ctx, s.checkAlways)
}

// each has do run for each of the servers, until ctx ends or the server is gone.
func (s *Servers) each(ctx context.Context, do func(context.Context, *member)) {
	var running sync.WaitGroup
	defer running.Wait()
	stops := make(map[*member]context.CancelFunc)
	for {
		members, changed := s.watched()
		gone := maps.Clone(stops)
		for _, m := range members {
			delete(gone, m)
			if stops[m] == nil {
				var own context.Context
				own, stops[m] = context.WithCancel(ctx)
				running.Go(func() { do(own, m) }) // ends with ctx, or when m is gone
			}
		}
		for m, stop := range gone {
			stop()
			delete(stops, m)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// count counts the calls of checkAll.
func (s *Servers) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running += n
}

// watched returns the members, and a channel that is closed when there are
// others.
func (s *Servers) watched() ([]*member, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return append([]*member(nil), s.members...), s.changed
}

// checkAlways checks m whenever that is due.
func (s *Servers) checkAlways(ctx context.Context, m *member) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.due: // it failed a connection
		case <-timer.C:
			s.check(ctx, m)
			select {
			case <-m.due: // by the check itself
			default:
			}
		}
		timer.Reset(s.untilCheck(m))
	}
}

// untilCheck returns the time until m is to be checked again.
func (s *Servers) untilCheck(m *member) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.failures > 0 {
		return time.Until(m.until)
	}
	return jittered(orDefault(s.CheckEvery, DefaultCheckEvery))
}

// check finds out whether m works.
func (s *Servers) check(ctx context.Context, m *member) {
	members := s.all()
	share := max(reach(members)/time.Duration(max(len(members), 1)), leastShare)
	began := time.Now()
	err := m.dialer.Handshake(client.WithAttempt(ctx, client.Attempt{
		By:      began.Add(share),
		Reached: func(took time.Duration) { s.measured(m, took) },
	}))
	switch {
	case err == nil:
		s.works(m, began)
	case ctx.Err() == nil && !isShortage(err):
		s.fails(m, err)
	}
}
