package client

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Connections that are taken are replaced a few at a time, once no more are taken or
// the first has waited long enough: handshakes should not hold up the page that the
// connections were taken for.
const (
	atOnce  = 16
	rest    = 250 * time.Millisecond
	longest = time.Second
)

// pool is the warm connections of a Dialer. A nil pool is empty.
type pool struct {
	d       *Dialer
	ctx     context.Context // of those being made
	life    time.Duration
	running sync.WaitGroup // those being made, and those that wait

	mu      sync.Mutex
	ready   []*warmed // the newest last
	making  int
	due     *time.Timer // of fill
	since   time.Time   // when due was first set and has not come since; zero: it is not set
	able    bool        // the last connection could have been kept warm
	ended   bool
	demand  demand
	ceiling int // because the proxy ended others; until its time is over
	until   time.Time
}

func newPool(ctx context.Context, d *Dialer, w Warm) *pool {
	p := &pool{d: d, ctx: ctx, life: orDefault(w.For, DefaultWarmFor)}
	p.demand.life, p.demand.most = p.life, cmp.Or(w.Most, DefaultWarm)
	return p
}

// take returns a session to make a request on, or nil: then the caller opens one.
// It is the newest, so that those which are not needed come of age.
func (p *pool) take(ctx context.Context) *session {
	if p == nil {
		return nil
	}
	p.count()
	for w := p.pop(); w != nil; w = p.pop() {
		if s := w.claim(p.life); s != nil {
			s.deadline = p.d.deadline(ctx)
			return s
		}
	}
	return nil
}

// count counts a request.
func (p *pool) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.demand.taken(time.Now())
}

// pop takes the newest out, and has others made.
func (p *pool) pop() *warmed {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.fillSoon()
	last := len(p.ready) - 1
	if last < 0 {
		return nil
	}
	w := p.ready[last]
	p.ready = slices.Delete(p.ready, last, last+1)
	w.taken = true
	return w
}

// wanted returns how many connections to have. p.mu is held.
func (p *pool) wanted() int {
	now := time.Now()
	n := p.demand.wanted(now)
	if now.Before(p.until) {
		n = min(n, p.ceiling)
	}
	return n
}

// fillSoon has fill called after the rest. p.mu is held.
func (p *pool) fillSoon() {
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
	}
	wait := max(min(rest, longest-now.Sub(p.since)), 0)
	if p.due == nil {
		p.due = time.AfterFunc(wait, p.fillNow)
		return
	}
	p.due.Reset(wait)
}

func (p *pool) fillNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Time{}
	p.fill()
}

// fill has as many made as are wanted, and are not too many at once. p.mu is held.
func (p *pool) fill() {
	for p.able && !p.ended && p.making < atOnce && len(p.ready)+p.making < p.wanted() {
		p.making++
		p.running.Go(p.make) // ends with p.ctx, or when the proxy's time to be reached is over
	}
}

// make makes one connection and keeps it warm. After a failure requests have to
// find out when the proxy can be reached again.
func (p *pool) make() {
	s, err := p.d.greet(p.ctx)
	p.mu.Lock()
	p.making--
	kept := err == nil && p.keep(s)
	p.able = p.able && kept
	p.fill()
	p.mu.Unlock()
	switch {
	case err != nil:
		p.d.log().Debug("no warm connection", "proxy", p.d.URL(), "err", err)
	case !kept:
		s.conn.Close()
	}
}

// keep keeps s, if that can be. p.mu is held.
func (p *pool) keep(s *session) bool {
	now := time.Now()
	if p.ended || !s.patient() || s.epoch != p.d.epoch.Load() || s.conn.SetReadDeadline(now.Add(age(p.life))) != nil {
		return false
	}
	w := &warmed{s: s, since: now.Round(0), over: make(chan struct{})}
	p.ready = append(p.ready, w)
	p.running.Go(func() { p.watch(w) }) // ends by the read deadline at the latest
	return true
}

// watch waits with w, and closes it unless a request has it then. It runs on a
// goroutine of its own, because a handshake leaves a large stack.
func (p *pool) watch(w *warmed) {
	w.wait()
	if p.let(w) {
		_ = w.s.conn.Close()
	}
}

// let lets go of w, and tells whether it is to be closed.
func (p *pool) let(w *warmed) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.ready, w)
	if at < 0 {
		return !w.taken
	}
	p.ready = slices.Delete(p.ready, at, at+1)
	if w.alive {
		p.fill() // it came of age
	} else {
		p.restrain()
	}
	return true
}

// restrain is for a proxy that ended a connection: it has others to serve. For a
// while there are no more than it has left, or forwarders that share a user would
// have each other's ended all the time. p.mu is held.
func (p *pool) restrain() {
	p.ceiling, p.until = max(len(p.ready), 1), time.Now().Add(p.life)
}

// learn has p know from a session that was logged in to whether others of its kind
// can be kept.
func (p *pool) learn(s *session) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.able = s.patient()
	p.fillSoon()
}

// offer gives p a session that a check has opened, and that is worth keeping: it is
// there already, and newer than others. p closes it at once if not.
func (p *pool) offer(s *session) {
	if p == nil || !p.replace(s) {
		s.conn.Close()
	}
}

// replace keeps s, in the place of the oldest if there are as many as are wanted.
func (p *pool) replace(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.able = s.patient()
	if !p.keep(s) {
		return false
	}
	if len(p.ready)+p.making > max(p.wanted(), 1) {
		oldest := p.ready[0]
		p.ready = slices.Delete(p.ready, 0, 1)
		oldest.wake()
	}
	return true
}

// drop lets go of all that is ready.
func (p *pool) drop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.ready {
		w.wake()
	}
	p.ready, p.until, p.since = nil, time.Time{}, time.Time{}
	if p.due != nil {
		p.due.Stop()
	}
}

// end is drop for good. It returns when nothing of p runs any more.
func (p *pool) end() {
	p.mu.Lock()
	p.ended = true // should due fire, it does nothing
	p.mu.Unlock()
	p.drop()
	p.running.Wait()
}

func (p *pool) size() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready)
}
