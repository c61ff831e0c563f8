package acl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// many returns n rules, of every kind of destination, for users, groups and
// everyone, with all that a rule can ask for.
func many(n int) string {
	var b strings.Builder
	b.WriteString(user(""))
	for i := range n {
		one := [...]string{"h%d.test", "*.s%d.test", "prod-*.w%d.test", "11.%d.%d.0/24", "**.d%d.test", "2001:db8:%x:%x::/64"}[i%6]
		if strings.Count(one, "%") == 2 {
			one = fmt.Sprintf(one, i>>8, i&255)
		} else {
			one = fmt.Sprintf(one, i)
		}
		b.WriteString(rule("action='allow'\ndestinations=['" + one + "']\nports='80,443,1000-2000'\nprotocols=['tcp','udp']\ncommands=['connect','bind','udp']\nsources=['192.0.2.0/24','2001:db8::/32']"))
	}
	b.WriteString("[[groups]]\nname='g'\n[[groups.rules]]\naction='block'\ndestinations=['bad.test','8.8.8.8','*x.test']\n")
	b.WriteString("[[users]]\nname='*'\ngroups=['h']\n[[users.rules]]\naction='block'\nports='25'\n")
	return b.String()
}

// questions returns some at every stage, of every command, about names and
// addresses that a rule of each kind allows or blocks, and that none is about.
func questions() (all []acl.Query) {
	for _, stage := range []server.Stage{server.StageRequest, server.StageDial, server.StagePeer, server.StageDatagram, server.StageAnswer} {
		for _, command := range []string{"connect", "bind", "udp"} {
			for _, q := range []acl.Query{
				ask(stage, "H0.test.", "", 443), ask(stage, "a.s1.test", "", 443), ask(stage, "prod-1.w2.test", "", 443), ask(stage, "x.d4.test", "", 443),
				ask(stage, "bad.test", "", 443), ask(stage, "xx.test", "", 443), ask(stage, "other.test", "", 443), ask(stage, "other.test", "", 25),
				ask(stage, "x.test", "11.0.3.9", 443), ask(stage, "", "8.8.8.8", 443), ask(stage, "", "2001:db8:0:5::1", 443), ask(stage, "", "2001:db8:ffff::1", 443),
				ask(stage, "0x7f.1", "", 443), ask(stage, "[::ffff:127.0.0.1]", "", 443), ask(stage, "", "::127.0.0.1", 443), ask(stage, "", "0.0.0.0", 0),
				ask(stage, "169.254.169.254", "", 80), ask(stage, "", "2002:7f00:1::", 80), ask(stage, "", "", 0),
			} {
				q.Command, q.Groups = command, []string{"g", "h"}
				all = append(all, q)
			}
		}
	}
	return all
}

func TestDecisionsDoNotAllocate(t *testing.T) {
	for _, n := range []int{12, 10000} {
		for _, o := range []acl.Options{{}, {AllowPrivate: true}, {AllowPrivate: true, Unresolved: true}} {
			p := policy(t, many(n), o)
			decisions := make(map[string]bool)
			for _, q := range questions() {
				decisions[p.Decide(q).String()] = true
				if got := testing.AllocsPerRun(10, func() { p.Decide(q) }); got != 0 {
					t.Errorf("%d rules, %v %v: %v allocations, want 0", n, q.Command, q.Target, got)
				}
			}
			if len(decisions) < 10 {
				t.Errorf("%+v: the questions have %d answers, want some of every kind: %v", o, len(decisions), decisions)
			}
		}
	}
}

// A session is asked about at no more cost.
func TestSessionsDoNotAllocate(t *testing.T) {
	p := policy(t, many(100), acl.Options{})
	s := session("alice", "udp", "0.0.0.0")
	for _, q := range questions() {
		if got := testing.AllocsPerRun(10, func() { _ = p.Allow(t.Context(), s, q.Target) }); got != 0 {
			t.Errorf("%v: %v allocations, want 0", q.Target, got)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range []struct {
		about string
		q     acl.Query
	}{
		{"name", ask(server.StageRequest, "h0.test", "", 443)},
		{"address", ask(server.StageDial, "x.test", "11.0.3.9", 443)},
		{"neither", ask(server.StageRequest, "www.example.com", "", 443)},
	} {
		for _, n := range []int{10, 100, 1000, 10000} {
			p := policy(b, many(n), acl.Options{})
			b.Run(fmt.Sprintf("%s/%d", c.about, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Decide(c.q)
				}
			})
		}
	}
}
