package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// visitLimit is how long one measurement of one subject may take.
const visitLimit = 90 * time.Second

// Conductor runs scenarios in rounds. In each round every subject has its turn,
// so that what else the machine does meets all alike.
type Conductor struct {
	Env    *subject.Env
	Rounds int
	Store  result.Store // what is measured is kept after each round
	Commit string
	Log    io.Writer // a line a measurement
	Resume bool      // leave out what is kept already, of as many rounds of the same commit
}

// Run measures scenarios. One that fails is told of in its results, and the rest
// is run.
func (c *Conductor) Run(ctx context.Context, scenarios []Scenario) error {
	var errs []error
	for _, s := range scenarios {
		if kept, err := c.kept(s); kept || err != nil {
			errs = append(errs, err)
			continue
		}
		var turns []turn
		for _, one := range s.Subjects {
			turns = append(turns, turn{one.Name, one, c.Env})
		}
		if _, err := c.one(ctx, s, turns, c.Store.Save); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// kept tells whether there is no need to run a scenario.
func (c *Conductor) kept(s Scenario) (bool, error) {
	if !c.Resume {
		return false, nil
	}
	set, err := c.Store.Load(s.Name)
	return set != nil && set.Commit == c.Commit && set.Done == c.rounds(s), err
}

// rounds is how many a scenario has.
func (c *Conductor) rounds(s Scenario) int {
	if s.Most > 0 {
		return min(c.Rounds, s.Most)
	}
	return c.Rounds
}

// turn is a subject under the name that it has in the results.
type turn struct {
	name    string
	subject subject.Subject
	env     *subject.Env
}

// one measures a scenario in rounds, and has what there is saved after each.
func (c *Conductor) one(ctx context.Context, s Scenario, turns []turn, save func(*result.Set) error) (*result.Set, error) {
	p, err := newPlay(s)
	if err != nil {
		return nil, err
	}
	defer p.close()
	rounds := c.rounds(s)
	set := &result.Set{Scenario: s.Name, Machine: result.ThisMachine(), Commit: c.Commit, Rounds: rounds}
	for _, t := range turns {
		set.Subject(t.name)
	}
	for round := range rounds {
		for i := range turns {
			t := turns[(i+round)%len(turns)]
			v, err := p.measure(ctx, t)
			if ctx.Err() != nil {
				return set, context.Cause(ctx)
			}
			note(set.Subject(t.name), v, err)
			c.tell(s, round, t.name, v, err)
		}
		set.Done = round + 1
		if err := save(set); err != nil {
			return set, err
		}
	}
	return set, nil
}

// note keeps the values of a round, and the error of one that failed.
func note(s *result.Subject, v *visit, err error) {
	if err != nil {
		s.Error, s.Absent = err.Error(), errors.Is(err, subject.ErrMissing)
		return
	}
	s.Text = v.text
	for metric, value := range v.values {
		s.Values[metric] = append(s.Values[metric], value)
	}
}

func (c *Conductor) tell(s Scenario, round int, name string, v *visit, err error) {
	line := fmt.Sprintf("%s %d/%d %s:", s.Name, round+1, c.Rounds, name)
	if err != nil {
		fmt.Fprintln(c.Log, line, err)
		return
	}
	for _, m := range s.Metrics {
		if value, ok := v.values[m.Key]; ok {
			line += fmt.Sprintf(" %.*f %s", m.Digits, value, m.Unit)
		}
	}
	fmt.Fprintln(c.Log, line)
}

// play is a scenario with its origin and the subjects that run.
type play struct {
	Scenario
	origin  *traffic.Origin
	echo    *traffic.Echo
	running map[string]*subject.Running
}

func newPlay(s Scenario) (p *play, err error) {
	p = &play{Scenario: s, running: make(map[string]*subject.Running)}
	if s.UDP {
		p.echo, err = traffic.NewEcho()
	} else {
		p.origin, err = traffic.NewOrigin()
	}
	return p, err
}

func (p *play) close() {
	for _, r := range p.running {
		r.End()
	}
	if p.echo != nil {
		p.echo.Close()
	}
	if p.origin != nil {
		p.origin.Close()
	}
}

func (p *play) target() string {
	if p.echo != nil {
		return p.echo.Addr()
	}
	return p.origin.Addr()
}

// measure is one visit to one subject, which is started for it if need be. One
// that failed is started anew the next time.
func (p *play) measure(ctx context.Context, t turn) (*visit, error) {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	r := p.running[t.name]
	if r == nil {
		var err error
		if r, err = t.subject.Start(t.env, p.target(), p.Options); err != nil {
			return nil, err
		}
		p.running[t.name] = r
	}
	v := &visit{Running: r, origin: p.origin, resume: p.Options.Resume, values: make(map[string]float64)}
	err := p.visit(ctx, v)
	if err != nil {
		err = fmt.Errorf("%w%s", err, r.Said())
	}
	if err != nil || p.Fresh {
		r.End()
		delete(p.running, t.name)
	}
	return v, err
}
