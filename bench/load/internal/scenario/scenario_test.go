package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

func TestSelect(t *testing.T) {
	all := []scenario.Scenario{{Name: "plain/bulk"}, {Name: "plain/idle"}, {Name: "tls/bulk"}, {Name: "udp/one"}, {Name: "gc/tls", Asked: true}}
	for only, want := range map[string]string{
		"":                    "[plain/bulk plain/idle tls/bulk udp/one]",
		"plain":               "[plain/bulk plain/idle]",
		"tls/bulk,plain/idle": "[plain/idle tls/bulk]",
		"gc":                  "[gc/tls]",
		"plain, plain/bulk":   "[plain/bulk plain/idle]",
	} {
		chosen, err := scenario.Select(all, only)
		if got := fmt.Sprint(names(chosen)); got != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", only, got, err, want)
		}
	}
	for _, bad := range []string{"bulk", "plain,", "plain/bulk,tls/none", "plain/bulk,plain/bul"} {
		if chosen, err := scenario.Select(all, bad); err == nil || !strings.HasSuffix(err.Error(), "there are plain/bulk, plain/idle, tls/bulk, udp/one, gc/tls") {
			t.Errorf("%q: got %v, %v, want an error that names them", bad, names(chosen), err)
		}
	}
}

func names(all []scenario.Scenario) (list []string) {
	for _, s := range all {
		list = append(list, s.Name)
	}
	return list
}

// TestScenariosFit holds what refers to each other by name.
func TestScenariosFit(t *testing.T) {
	metrics := make(map[scenario.Figure]bool)
	seen := make(map[string]bool)
	for _, s := range scenario.All() {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		base := false
		for _, one := range s.Subjects {
			base = base || one.Name == s.Base
			for _, m := range s.Metrics {
				metrics[scenario.Figure{Scenario: s.Name, Subject: one.Name, Metric: m.Key}] = true
			}
		}
		if !base {
			t.Errorf("%s: its base %q is none of its subjects", s.Name, s.Base)
		}
	}
	goals := make(map[string]bool)
	for _, g := range scenario.Goals() {
		if text := fmt.Sprint(g); goals[text] {
			t.Errorf("goal %d, %s, is there twice", g.Number, g.What)
		} else {
			goals[text] = true
		}
		for _, f := range append(g.Over, g.Figure) {
			if !metrics[f] {
				t.Errorf("goal %d, %s: nothing measures %+v", g.Number, g.What, f)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	set := new(result.Set)
	set.Subject("socksctl").Values["cpu"] = []float64{5, 1, 3}
	set.Subject("good").Values["cpu"] = []float64{2.5}
	set.Subject("bad").Values["cpu"] = []float64{4}
	set.Subject("absent").Absent = true
	sets := map[string]*result.Set{"s": set}
	of := func(names ...string) (all []scenario.Figure) {
		for _, name := range names {
			all = append(all, scenario.Figure{Scenario: "s", Subject: name, Metric: "cpu"})
		}
		return all
	}
	for _, c := range []struct {
		goal scenario.Goal
		want scenario.Verdict
	}{
		{scenario.Goal{Most: 3}, scenario.Verdict{Measured: true, Value: 3, Reached: true}},
		{scenario.Goal{Most: 2.99}, scenario.Verdict{Measured: true, Value: 3}},
		{scenario.Goal{Most: 1.2, Over: of("bad", "absent", "good")}, scenario.Verdict{Measured: true, Value: 1.2, Reached: true}},
		{scenario.Goal{Most: 1.1, Over: of("good")}, scenario.Verdict{Measured: true, Value: 1.2}},
		{scenario.Goal{Most: 1, Over: of("bad")}, scenario.Verdict{Measured: true, Value: 0.75, Reached: true}},
		{scenario.Goal{Most: 1, Over: of("absent")}, scenario.Verdict{}},
		{scenario.Goal{Most: 1, Figure: scenario.Figure{Scenario: "none"}}, scenario.Verdict{}},
	} {
		if c.goal.Figure.Scenario == "" {
			c.goal.Figure = of("socksctl")[0]
		}
		if got := c.goal.Judge(sets); got != c.want {
			t.Errorf("%+v: got %+v, want %+v", c.goal, got, c.want)
		}
	}
}
