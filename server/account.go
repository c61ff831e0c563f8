package server

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/socksctl/socksctl/internal/shape"
)

// account is what the sessions of one quota take at the moment; accounts.mu
// guards the quota and the counts.
type account struct {
	quota                      Quota
	conns, binds, associations int
	targets                    atomic.Int64 // as quota has them
	up, down                   pace
	alone                      *holding // of sessions that count in this account only
}

func newAccount() *account {
	a := new(account)
	a.alone = newHolding(1)
	a.alone.add(a)
	return a
}

// pace is how fast one direction of a quota may be.
type pace struct {
	bandwidth shape.Bandwidth
	datagrams shape.Datagrams
}

// assume gives a the quota of the moment.
func (a *account) assume(q Quota) {
	if a.quota == q {
		return
	}
	a.quota = q
	a.targets.Store(int64(q.Targets))
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

// holding is the accounts that a session counts in. It does not change, but what
// the accounts are held to does.
type holding struct {
	accounts []*account
	up, down shape.Way
}

// newHolding returns one with room for n accounts.
func newHolding(n int) *holding {
	return &holding{
		accounts: make([]*account, 0, n),
		up:       shape.Way{Bandwidths: make([]*shape.Bandwidth, 0, n), Datagrams: make([]*shape.Datagrams, 0, n)},
		down:     shape.Way{Bandwidths: make([]*shape.Bandwidth, 0, n), Datagrams: make([]*shape.Datagrams, 0, n)},
	}
}

// add adds an account.
func (h *holding) add(a *account) {
	h.accounts = append(h.accounts, a)
	h.up.Bandwidths = append(h.up.Bandwidths, &a.up.bandwidth)
	h.up.Datagrams = append(h.up.Datagrams, &a.up.datagrams)
	h.down.Bandwidths = append(h.down.Bandwidths, &a.down.bandwidth)
	h.down.Datagrams = append(h.down.Datagrams, &a.down.datagrams)
}

// targets returns the least of what the accounts have; 0 is no bound.
func (h *holding) targets() int {
	least := int64(0)
	for _, a := range h.accounts {
		if n := a.targets.Load(); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return int(least)
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
