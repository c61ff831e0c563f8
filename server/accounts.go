package server

import "sync"

// accounts finds the accounts by the names of their quotas. One lives as long as
// a session counts in it. All connections share the lock: nobody is asked
// anything under it, and next to nothing is allocated.
type accounts struct {
	spare sync.Pool // of *account, for those that are opened next

	mu     sync.Mutex
	byName map[string]*account
}

// enter counts s in all of its quotas, or in none and says which is exhausted.
// When s has come further, and may have others, it is called again. An update
// that finds s not yet counted passes it by: so quotas that were asked for before
// a Rejudge are asked for again.
func (a *accounts) enter(s *Session) error {
	for {
		rules := s.rules()
		quotas := s.quotas()
		room := s.room(len(quotas))
		if current, err := a.admit(s, quotas, rules, room); current {
			return err
		}
	}
}

// room returns what may hold so many accounts for s: those that have one share what
// holds it, and who holds as many already mostly has the same.
func (s *Session) room(accounts int) *holding {
	old := s.held.Load()
	if accounts < 2 || old != nil && len(old.accounts) == accounts {
		return nil
	}
	return newHolding(accounts)
}

// admit is enter for quotas that the Policy had when rules were in force. It does
// nothing, and says so, when these are not current.
func (a *accounts) admit(s *Session, quotas []Quota, rules uint64, room *holding) (current bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.rules() != rules {
		return false, nil
	}
	old := s.held.Load()
	if s.counted && old.is(quotas) { // as mostly, when it is called again
		return true, nil
	}
	for _, q := range quotas {
		known := a.byName[q.Name]
		if known == nil || old.has(known) {
			continue
		}
		known.assume(q)
		if err := known.full(s); err != nil {
			return true, err
		}
	}
	s.counted = true
	a.hold(s, quotas, room)
	a.release(s, old)
	return true, nil
}

// update holds s, if it has entered, to the quotas that it has by now. A session
// that is more than one of them allows stays. It is seldom, and so may ask under
// the lock: of two at once the later has the last word.
func (a *accounts) update(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.counted {
		return
	}
	old := s.held.Load()
	a.hold(s, s.quotas(), nil)
	a.release(s, old)
}

// leave counts s out.
func (a *accounts) leave(s *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.counted = false
	a.release(s, s.held.Swap(nil))
}

// hold counts s in, and has room hold more than one account; a.mu is held.
func (a *accounts) hold(s *Session, quotas []Quota, room *holding) {
	switch len(quotas) {
	case 0:
		s.held.Store(nil)
		return
	case 1:
		s.held.Store(a.open(s, quotas[0]).alone)
		return
	}
	if room == nil {
		room = newHolding(len(quotas))
	}
	for _, q := range quotas {
		room.add(a.open(s, q))
	}
	s.held.Store(room)
}

// open finds the account of q, or makes it, and counts s in; a.mu is held.
func (a *accounts) open(s *Session, q Quota) *account {
	one := a.byName[q.Name]
	if one == nil {
		if one, _ = a.spare.Get().(*account); one == nil {
			one = newAccount()
		}
		if a.byName == nil {
			a.byName = make(map[string]*account)
		}
		a.byName[q.Name] = one
	}
	one.assume(q)
	one.count(s, 1)
	return one
}

// release counts s out of what it held; a.mu is held. An account that nobody counts
// in any more is there for others, unless it had a rate: others begin without what
// has gathered in it, and who left may still be waiting in it.
func (a *accounts) release(s *Session, h *holding) {
	if h == nil {
		return
	}
	for _, one := range h.accounts {
		one.count(s, -1)
		if one.conns == 0 {
			delete(a.byName, one.quota.Name)
			if one.quota.Bandwidth == 0 && one.quota.Datagrams == 0 {
				a.spare.Put(one)
			}
		}
	}
}
