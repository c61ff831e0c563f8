package server_test

import (
	"fmt"
	"net"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// noAccounts wants nobody to be counted in any quota.
func noAccounts(t *testing.T, h *harness) {
	t.Helper()
	if n := server.Accounts(h.Server); n != 0 {
		t.Errorf("%d accounts are left, want none", n)
	}
}

// Quotas that were asked for before a Rejudge, and come after it, are not those that
// a session is counted in: neither at its request nor at its address.
func TestRejudgeCatchesQuotas(t *testing.T) {
	for name, late := range map[string]bool{"at the request": false, "at the address": true} {
		t.Run(name, func(t *testing.T) {
			l := new(law)
			h := start(t, &server.Server{Policy: l})
			addr, _ := origin(t)
			var once sync.Once
			before := func(s *server.Session, _ server.Quota) []server.Quota {
				if s.Resolved().IsValid() == late {
					once.Do(func() { // at the moment of the change
						l.grant(server.Quota{Name: "new", Conns: 1})
						h.Rejudge()
					})
				}
				return []server.Quota{{Name: "old", Conns: 100}}
			}
			l.quotas.Store(&before)
			first := h.dial(t)
			ask(t, first, 1, addr, socks5.Succeeded)
			second := h.dial(t)
			ask(t, second, 1, addr, socks5.NotAllowed)
			second.Close()
			h.record(t)
			hangUp(t, first)
			h.record(t)
			noAccounts(t, h)
		})
	}
}

// Once Rejudge has returned, no session that was admitted is held to what was before,
// however many are coming and going.
func TestRejudgeLeavesNoQuotaOfBefore(t *testing.T) {
	l := new(law)
	l.grant(server.Quota{Name: "0", Conns: 1000})
	h := start(t, &server.Server{Policy: l})
	addr, _ := origin(t)
	var stop atomic.Bool
	var asking, recording sync.WaitGroup
	ended := make(chan struct{}, 1)
	for range 4 {
		asking.Go(func() {
			for !stop.Load() {
				c, err := net.Dial("tcp", h.addr)
				if err != nil {
					t.Error(err)
					return
				}
				ask(t, c, 1, addr, socks5.Succeeded)
				hangUp(t, c)
				ended <- struct{}{}
			}
		})
	}
	recording.Go(func() {
		for range ended {
			h.record(t)
		}
	})
	for i := range 100 {
		want := []string{strconv.Itoa(i), "all"}[:1+i%2]
		var quotas []server.Quota
		for _, name := range want {
			quotas = append(quotas, server.Quota{Name: name, Conns: 1000})
		}
		l.grant(quotas...)
		h.Rejudge()
		for s := range h.Sessions() {
			if got, counted := server.HeldTo(s); counted && !slices.Equal(got, want) {
				t.Errorf("session %d is held to %q, want %q", s.ID, got, want)
			}
		}
	}
	stop.Store(true)
	asking.Wait()
	close(ended)
	recording.Wait()
	noAccounts(t, h)
}

// What sessions count in is used again, without what was in it: neither a count nor
// a bound is left to those who come next.
func TestAccountsBeginAnew(t *testing.T) {
	h := start(t, &server.Server{Auth: anyone, Policy: new(law), Limits: server.Limits{User: server.Quota{Conns: 1}}})
	addr, _ := origin(t)
	e := &entrance{harness: h}
	for i := range 20 {
		c := e.as(t, fmt.Sprint("user ", i))
		order(t, c, 1, addr, socks5.Succeeded)
		other := e.as(t, fmt.Sprint("user ", i))
		order(t, other, 1, addr, socks5.NotAllowed)
		other.Close()
		h.record(t)
		hangUp(t, c)
		h.record(t)
	}
}

// BenchmarkVisit is what sessions share when they begin and end: of one user, and
// of as many users as there are sessions at once. With -cpu 8 it tells how long they
// wait for one another.
func BenchmarkVisit(b *testing.B) {
	for _, users := range []string{"one", "each"} {
		b.Run(users, func(b *testing.B) {
			s := &server.Server{Policy: new(law), Limits: server.Limits{User: server.Quota{Conns: 1000}}}
			var last atomic.Int64
			before := waited()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				user := "alice"
				if users == "each" {
					user += strconv.FormatInt(last.Add(1), 10)
				}
				visit := server.Visit(s, user)
				for pb.Next() {
					visit()
				}
			})
			b.ReportMetric((waited()-before)/float64(b.N)*1e9, "wait-ns/op")
		})
	}
}

// waited returns for how many seconds goroutines have waited for locks.
func waited() float64 {
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}
