package forwarder

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/client"
)

// members makes members that are called by the letters of names.
func members(names string) []*member {
	var all []*member
	for _, name := range names {
		all = append(all, &member{url: string(name)})
	}
	return all
}

func namesOf(all []*member) string {
	var b strings.Builder
	for _, m := range all {
		b.WriteString(m.url)
	}
	return b.String()
}

func each(all []*member, do func(*member)) {
	for _, m := range all {
		do(m)
	}
}

func TestOrder(t *testing.T) {
	now := time.Now()
	down := func(m *member) { m.failures, m.until = 1, now.Add(time.Hour) }
	for name, test := range map[string]struct {
		prepare func(*Servers)
		want    string
		up      int
	}{
		"as given":             {func(*Servers) {}, "abcd", 4},
		"one is down":          {func(s *Servers) { down(s.members[0]) }, "bcda", 3},
		"all are down":         {func(s *Servers) { each(s.members, down) }, "abcd", 0},
		"priorities":           {func(s *Servers) { s.members[0].priority, s.members[2].priority = 2, 1 }, "bdca", 4},
		"a priority is down":   {func(s *Servers) { each(s.members, down); s.members[1].priority, s.members[1].failures = 1, 0 }, "bacd", 1},
		"its time is over":     {func(s *Servers) { s.members[0].failures, s.members[0].until = 1, now }, "abcd", 4},
		"and there are checks": {func(s *Servers) { s.members[0].failures, s.members[0].until = 1, now; s.running = 1 }, "bcda", 3},
	} {
		s := &Servers{members: members("abcd")}
		test.prepare(s)
		if all, up := s.order(); namesOf(all) != test.want || up != test.up {
			t.Errorf("%s: got %s with %d up, want %s with %d", name, namesOf(all), up, test.want, test.up)
		}
	}
}

// Each has its share of the first places, and of the second places where it has
// not the first.
func TestDrawByWeight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const draws = 20000
	count := make(map[string]int)
	for range draws {
		group := members("abcd")
		group[1].weight, group[2].weight, group[3].weight = 60, 30, 10
		draw(group, rnd.IntN)
		if group[3].url != "a" {
			t.Fatalf("got %s, want a last: it has no weight", namesOf(group))
		}
		count[group[0].url]++
		if group[0].url == "b" {
			count["b"+group[1].url]++
		}
	}
	for name, share := range map[string]float64{"b": 0.6, "c": 0.3, "d": 0.1, "bc": 0.6 * 0.75, "bd": 0.6 * 0.25} {
		if got := float64(count[name]) / draws; got < share-0.02 || got > share+0.02 {
			t.Errorf("%s: got a share of %.3f, want %.3f", name, got, share)
		}
	}
	group := members("abcd")
	if draw(group, rnd.IntN); namesOf(group) != "abcd" {
		t.Errorf("without weights: got %s, want them as given", namesOf(group))
	}
}

func TestInTurn(t *testing.T) {
	s := &Servers{Balance: RoundRobin, members: members("abc")}
	turns := func(n int) string {
		var b strings.Builder
		for range n {
			all, _ := s.order()
			b.WriteString(all[0].url)
		}
		return b.String()
	}
	if got := turns(7); got != "abcabca" {
		t.Errorf("got %s, want each in turn", got)
	}
	s.members = members("abc")
	s.members[0].weight = 3
	if got := turns(10); got != "abacaabaca" {
		t.Errorf("got %s, want a three times as often, spread", got)
	}
	s.members = members("abc")
	s.members[1].failures, s.members[1].until = 1, time.Now().Add(time.Hour)
	if got := turns(4); got != "acac" {
		t.Errorf("got %s, want a and c in turn", got)
	}
}

// What is quicker by less than the margin does not become the leader.
func TestQuickest(t *testing.T) {
	const ms = time.Millisecond
	s := &Servers{Balance: Latency, members: members("abc")}
	for _, step := range []struct {
		latencies [3]time.Duration
		want      string
	}{
		{[3]time.Duration{}, "a"},                           // nothing is known yet
		{[3]time.Duration{0, 30 * ms, 0}, "b"},              // what is known comes first
		{[3]time.Duration{25 * ms, 30 * ms, 90 * ms}, "b"},  // hardly quicker
		{[3]time.Duration{20 * ms, 30 * ms, 90 * ms}, "a"},  // quicker
		{[3]time.Duration{30 * ms, 25 * ms, 90 * ms}, "a"},  // and it does not go back and forth
		{[3]time.Duration{1 * ms, ms / 10, 90 * ms}, "a"},   // nobody feels the difference
		{[3]time.Duration{90 * ms, 91 * ms, 10 * ms}, "c"},  //
		{[3]time.Duration{90 * ms, 10 * ms, 100 * ms}, "b"}, //
	} {
		for i, l := range step.latencies {
			s.members[i].latency = l
		}
		all, _ := s.order()
		if all[0].url != step.want || len(all) != 3 {
			t.Errorf("%v: got %s, want %s", step.latencies, namesOf(all), step.want)
		}
	}
	s.members[1].failures, s.members[1].until = 1, time.Now().Add(time.Hour)
	if all, _ := s.order(); all[0].url != "a" {
		t.Errorf("without the leader: got %s, want a", namesOf(all))
	}
}

// A measurement counts for a quarter, and the first, or the first after a
// failure, as it is.
func TestLatencyIsSmoothed(t *testing.T) {
	s, m := new(Servers), new(member)
	for _, step := range []struct{ took, want time.Duration }{{40, 40}, {80, 50}, {50, 50}, {10, 40}} {
		if s.measured(m, step.took); m.latency != step.want {
			t.Errorf("after %d: got %d, want %d", step.took, m.latency, step.want)
		}
	}
	m.failures = 1
	if s.measured(m, 7); m.latency != 7 {
		t.Errorf("after a failure: got %d, want 7", m.latency)
	}
}

// A connection that was under way when its server failed does not take it back.
func TestLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := new(Servers), &member{dialer: new(client.Dialer), due: make(chan struct{}, 1)}
		before := time.Now()
		time.Sleep(time.Millisecond)
		s.fails(m, errors.New("refused"))
		if s.works(m, before); m.failures != 1 {
			t.Errorf("%d failures, want 1", m.failures)
		}
		if s.works(m, time.Now()); m.failures != 0 {
			t.Errorf("%d failures, want 0", m.failures)
		}
	})
}

func TestBalanceNames(t *testing.T) {
	for _, name := range []string{"failover", "round-robin", "latency"} {
		if b, err := ParseBalance(name); err != nil || b.String() != name {
			t.Errorf("%s: got %v, %v", name, b, err)
		}
	}
	if _, err := ParseBalance("random"); err == nil || !strings.Contains(err.Error(), "random") {
		t.Errorf("random: got %v", err)
	}
}
