// Package scenario has what is measured, of what, and in which order.
package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// Scenario is one thing that subjects do.
type Scenario struct {
	Name     string // group/name
	Title    string
	Metrics  []Metric // the first is the one that matters
	Subjects []subject.Subject
	Base     string // the subject that ratios are over
	Fresh    bool   // a subject is started anew for each round
	Most     int    // rounds at most, where one takes long; 0: as many as there are
	Asked    bool   // it is run only when it is asked for by name
	UDP      bool   // the origin echoes datagrams
	Options  subject.Options
	visit    func(ctx context.Context, v *visit) error
}

// Metric is a figure. Less is better.
type Metric struct {
	Key, Unit string
	Digits    int
}

// visit is one measurement of one subject.
type visit struct {
	*subject.Running
	origin *traffic.Origin // nil where that is UDP
	resume bool            // sessions are resumed
	values map[string]float64
	text   string // what else there is to see, for the report
}

func (v *visit) set(metric string, value float64) { v.values[metric] = value }

// Select returns the scenarios that only names, by name or group, separated by
// commas; if it is empty all that are not to be asked for.
func Select(all []Scenario, only string) ([]Scenario, error) {
	if only == "" {
		return slices.DeleteFunc(slices.Clone(all), func(s Scenario) bool { return s.Asked }), nil
	}
	var chosen []Scenario
	wanted := strings.Split(only, ",")
	used := make([]bool, len(wanted))
	for _, s := range all {
		if at := slices.IndexFunc(wanted, s.is); at >= 0 {
			chosen = append(chosen, s)
		}
		for i, name := range wanted {
			used[i] = used[i] || s.is(name)
		}
	}
	if at := slices.Index(used, false); at >= 0 {
		return nil, fmt.Errorf("no scenario is called %q: there are %s", wanted[at], names(all))
	}
	return chosen, nil
}

// is tells whether name means s: by its name, or by that of its group.
func (s Scenario) is(name string) bool {
	name = strings.TrimSpace(name)
	group, _, _ := strings.Cut(s.Name, "/")
	return name == s.Name || name == group
}

func names(all []Scenario) string {
	list := make([]string, len(all))
	for i, s := range all {
		list[i] = s.Name
	}
	return strings.Join(list, ", ")
}
