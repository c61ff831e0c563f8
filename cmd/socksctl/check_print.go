package main

import (
	"fmt"
	"strings"

	steps "github.com/socksctl/socksctl/internal/check"
	"github.com/socksctl/socksctl/internal/human"
)

// stepPrinter writes the steps of a check as they are done. What is skipped for one
// reason is one line.
type stepPrinter struct {
	printer
	skipped []string // names, not yet written
	why     string
}

// step writes one step, and what there is to say of it below.
func (p *stepPrinter) step(s steps.Step) {
	if s.Status == steps.Skipped && (p.why == "" || s.Why == p.why) {
		p.skipped, p.why = append(p.skipped, s.Name), s.Why
		return
	}
	p.flush()
	p.write(s)
}

// flush writes what was skipped.
func (p *stepPrinter) flush() {
	if len(p.skipped) > 0 {
		p.write(steps.Step{Name: strings.Join(p.skipped, ", "), Status: steps.Skipped, Why: p.why})
	}
	p.skipped, p.why = nil, ""
}

func (p *stepPrinter) write(s steps.Step) {
	line := s.Found
	if s.Status == steps.Skipped || s.Status == steps.Untested {
		line = s.Why
	}
	took := ""
	if s.Took > 0 {
		took = fmt.Sprintf("  %s%s%s", p.dim, s.Took, p.plainAgain)
	}
	bold := ""
	if s.Status == steps.Failed || s.Status == steps.Warning {
		bold = p.bold
	}
	text := fmt.Sprintf("%-8s  %-18s  %s%s", s.Status, s.Name, human.Visible(line), took)
	fmt.Fprintf(p.w, "%s%s%s\n", bold, strings.TrimRight(text, " "), p.plainAgain)
	if s.Status == steps.Failed || s.Status == steps.Warning {
		p.below("why", s.Why)
		p.below("next", s.Next)
	}
}

func (p *stepPrinter) below(what, text string) {
	if text != "" {
		fmt.Fprintf(p.w, "          %s: %s\n", what, human.Visible(text))
	}
}

// sum writes the end of it.
func (p *stepPrinter) sum(r *steps.Report) {
	p.flush()
	of := make(map[steps.Status][]string)
	for _, s := range r.Steps {
		of[s.Status] = append(of[s.Status], s.Name)
	}
	switch untested := strings.Join(of[steps.Untested], ", "); {
	case len(of[steps.Failed]) > 0:
		p.title("failed: %s", strings.Join(of[steps.Failed], ", "))
	case untested != "":
		p.title("what was tested works; not tested: %s", untested)
	default:
		p.title("all of it works")
	}
}
