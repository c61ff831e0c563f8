// Package result keeps what was measured, in files that the next run adds to, and
// works out medians, ratios and whether goals are reached.
package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Set is what was measured of one scenario in one run.
type Set struct {
	Scenario string
	Machine  Machine
	Commit   string // of socksctl
	Rounds   int    // that were to be
	Done     int    // that have been
	Subjects []*Subject
}

// Subject is what was measured of one subject.
type Subject struct {
	Name   string
	Values map[string][]float64 // of each metric, one a round
	Text   string               // what else there is to see, of the last round
	Error  string               // why there is none, or why a round failed
	Absent bool                 // the program is not to be had on that machine
}

// Machine is where something was measured.
type Machine struct {
	Cores  int
	Memory string
	Kernel string
	Go     string
	CPU    string
}

// Subject returns the one of that name, which is made if there is none.
func (s *Set) Subject(name string) *Subject {
	if found := s.find(name); found != nil {
		return found
	}
	one := &Subject{Name: name, Values: make(map[string][]float64)}
	s.Subjects = append(s.Subjects, one)
	return one
}

func (s *Set) find(name string) *Subject {
	if s == nil {
		return nil
	}
	at := slices.IndexFunc(s.Subjects, func(one *Subject) bool { return one.Name == name })
	if at < 0 {
		return nil
	}
	return s.Subjects[at]
}

// Median returns the middle of a metric of a subject, and false if there is none.
func (s *Set) Median(subject, metric string) (float64, bool) {
	one := s.find(subject)
	if one == nil || len(one.Values[metric]) == 0 {
		return 0, false
	}
	return Median(one.Values[metric]), true
}

// Median returns the middle of values, or the mean of the two in the middle.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	switch {
	case len(sorted) == 0:
		return 0
	case len(sorted)%2 == 1:
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Store is a directory with a file for each scenario.
type Store string

// Save writes a set in place of the one before.
func (s Store) Save(set *Set) error {
	if err := os.MkdirAll(string(s), 0o750); err != nil {
		return err
	}
	text, err := json.MarshalIndent(set, "", "\t")
	if err != nil {
		return err
	}
	path := s.path(set.Scenario)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Load returns the set of a scenario, and nil if there is none.
func (s Store) Load(scenario string) (*Set, error) {
	text, err := os.ReadFile(s.path(scenario))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	set := new(Set)
	if err := json.Unmarshal(text, set); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(scenario), err)
	}
	return set, nil
}

func (s Store) path(scenario string) string {
	return filepath.Join(string(s), strings.ReplaceAll(scenario, "/", "-")+".json")
}
