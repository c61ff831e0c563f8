package acl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// many returns n rules, of every kind of destination.
func many(n int) string {
	var b strings.Builder
	b.WriteString(user(""))
	for i := range n {
		destination := [...]string{"h%d.test", "*.s%d.test", "prod-*.w%d.test", "11.%d.%d.0/24"}[i%4]
		if i%4 == 3 {
			destination = fmt.Sprintf(destination, i>>8, i&255)
		} else {
			destination = fmt.Sprintf(destination, i)
		}
		b.WriteString(rule("action='allow'\ndestinations=['" + destination + "']"))
	}
	return b.String()
}

func questions() []acl.Query {
	return []acl.Query{
		ask(server.StageRequest, "H4.test.", "", 443), ask(server.StageRequest, "a.s5.test", "", 443),
		ask(server.StageRequest, "prod-1.w6.test", "", 443), ask(server.StageRequest, "0x7f.1", "", 443),
		ask(server.StageDial, "x.test", "11.0.3.9", 443), ask(server.StageDatagram, "", "2001:db8::1", 443),
	}
}

func TestDecisionsDoNotAllocate(t *testing.T) {
	for _, n := range []int{10, 10000} {
		p := policy(t, many(n), acl.Options{})
		for _, q := range questions() {
			if got := testing.AllocsPerRun(100, func() { p.Decide(q) }); got != 0 {
				t.Errorf("%d rules, %v: %v allocations, want 0", n, q.Target, got)
			}
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		p := policy(b, many(n), acl.Options{})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			q := questions()[0]
			for b.Loop() {
				p.Decide(q)
			}
		})
	}
}
