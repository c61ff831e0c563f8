package server

import (
	"fmt"
	"slices"
	"sync"

	"github.com/socksctl/socksctl/internal/shape"
)

// account is what the sessions of one quota take at the moment; accounts.mu
// guards the quota and the counts.
type account struct {
	quota                      Quota
	conns, binds, associations int
	up, down                   pace
}

// pace is how fast one direction of a quota may be.
type pace struct {
	bandwidth shape.Bandwidth
	datagrams shape.Datagrams
}

// assume gives a the quota of the moment.
func (a *account) assume(q Quota) {
	a.quota = q
	for _, p := range []*pace{&a.up, &a.down} {
		p.bandwidth.SetRate(q.Bandwidth)
		p.datagrams.SetRate(q.Datagrams)
	}
}

// count adds n sessions like s.
func (a *account) count(s *Session, n int) {
	a.conns += n
	switch s.Command {
	case "bind":
		a.binds += n
	case "udp":
		a.associations += n
	}
}

// full returns an error when one more session like s is too many.
func (a *account) full(s *Session) error {
	switch q := a.quota; {
	case q.Conns > 0 && a.conns >= q.Conns:
		return fmt.Errorf("%w of %d connections (%s)", ErrQuota, q.Conns, q.Name)
	case q.Binds > 0 && s.Command == "bind" && a.binds >= q.Binds:
		return fmt.Errorf("%w of %d BIND listeners (%s)", ErrQuota, q.Binds, q.Name)
	case q.Associations > 0 && s.Command == "udp" && a.associations >= q.Associations:
		return fmt.Errorf("%w of %d associations (%s)", ErrQuota, q.Associations, q.Name)
	}
	return nil
}

// holding is the accounts that a session counts in. It does not change, but the
// paces of its ways do.
type holding struct {
	accounts []*account
	targets  int // the least of their quotas; 0 is no bound
	up, down shape.Way
}

// add adds an account.
func (h *holding) add(a *account) {
	h.accounts = append(h.accounts, a)
	if n := a.quota.Targets; n > 0 && (h.targets == 0 || n < h.targets) {
		h.targets = n
	}
	h.up.Bandwidths = append(h.up.Bandwidths, &a.up.bandwidth)
	h.up.Datagrams = append(h.up.Datagrams, &a.up.datagrams)
	h.down.Bandwidths = append(h.down.Bandwidths, &a.down.bandwidth)
	h.down.Datagrams = append(h.down.Datagrams, &a.down.datagrams)
}

// is tells whether h is what comes of quotas.
func (h *holding) is(quotas []Quota) bool {
	if h == nil {
		return len(quotas) == 0
	}
	return slices.EqualFunc(h.accounts, quotas, func(a *account, q Quota) bool { return a.quota == q })
}

// has tells whether a session with h counts in a.
func (h *holding) has(a *account) bool { return h != nil && slices.Contains(h.accounts, a) }

// accounts finds the accounts by the names of their quotas. One lives as long as
// a session counts in it.
type accounts struct {
	mu     sync.Mutex
	byName map[string]*account
}

// enter counts s in all of its quotas, or in none and says which is exhausted.
// When s has come further, and may have others, it is called again. Quotas are
// asked for under the lock, so that update finds s with those of before, or not at
// all.
func (a *accounts) enter(s *Session) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, quotas := s.held.Load(), s.quotas()
	if s.counted && old.is(quotas) { // as mostly, when it is called again
		return nil
	}
	for _, q := range quotas {
		known := a.byName[q.Name]
		if known == nil || old.has(known) {
			continue
		}
		known.assume(q)
		if err := known.full(s); err != nil {
			return err
		}
	}
	s.counted = true
	a.hold(s, quotas)
	a.release(s, old)
	return nil
}

// update holds s, if it has entered, to the quotas that it has by now. A session
// that is more than one of them allows stays.
func (a *accounts) update(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.counted {
		return
	}
	old := s.held.Load()
	a.hold(s, s.quotas())
	a.release(s, old)
}

// leave counts s out.
func (a *accounts) leave(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.counted = false
	a.release(s, s.held.Swap(nil))
}

// hold counts s in; a.mu is held.
func (a *accounts) hold(s *Session, quotas []Quota) {
	if len(quotas) == 0 {
		s.held.Store(nil)
		return
	}
	if a.byName == nil {
		a.byName = make(map[string]*account)
	}
	h := new(holding)
	for _, q := range quotas {
		one := a.byName[q.Name]
		if one == nil {
			one = new(account)
			a.byName[q.Name] = one
		}
		one.assume(q)
		one.count(s, 1)
		h.add(one)
	}
	s.held.Store(h)
}

// release counts s out of what it held; a.mu is held.
func (a *accounts) release(s *Session, h *holding) {
	if h == nil {
		return
	}
	for _, one := range h.accounts {
		one.count(s, -1)
		if one.conns == 0 {
			delete(a.byName, one.quota.Name)
		}
	}
}
