package scenario

import (
	"context"
	"slices"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// Names of what Compare compares.
const (
	A = "A"
	B = "B"
)

// Compare measures the socksctl of the environment, A, and another one, B, in
// turns. Scenarios without it are left out. It returns what there is with an error
// too.
func (c *Conductor) Compare(ctx context.Context, scenarios []Scenario, other string) (sets []*result.Set, err error) {
	env := c.Env.With(other)
	for _, s := range scenarios {
		at := slices.IndexFunc(s.Subjects, func(one subject.Subject) bool { return one.Ours })
		if at < 0 {
			continue
		}
		turns := []turn{{A, s.Subjects[at], c.Env}, {B, s.Subjects[at], env}}
		set, err := c.one(ctx, s, turns, func(*result.Set) error { return nil })
		if err != nil {
			return sets, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// Ours returns the scenarios with socksctl and the bounds alone.
func Ours(all []Scenario) []Scenario {
	few := slices.Clone(all)
	for i, s := range few {
		few[i].Subjects = slices.DeleteFunc(slices.Clone(s.Subjects), func(one subject.Subject) bool { return !one.Ours && !one.Bound })
	}
	return few
}
