package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/human"
	"github.com/socksctl/socksctl/internal/live"
)

// printSessions prints a table of sessions.
func printSessions(s streams, list admin.Sessions) error {
	columns := []human.Column{
		{Name: "ID", Right: true}, {Name: "USER"}, {Name: "CLIENT"}, {Name: "COMMAND"}, {Name: "DESTINATION"},
		{Name: "UP", Right: true}, {Name: "DOWN", Right: true}, {Name: "RATE", Right: true}, {Name: "AGE", Right: true}, {Name: "RULE"},
	}
	rows := make([][]string, 0, len(list.Sessions))
	for _, r := range list.Sessions {
		rows = append(rows, []string{
			strconv.FormatUint(r.ID, 10), orDash(r.User), orDash(r.Client), r.Command, orDash(r.Destination(r.TargetCount)),
			human.Size(r.Up), human.Size(r.Down), human.Rate(r.RateUp + r.RateDown), human.Took(time.Since(r.Start)), human.Visible(r.Rule),
		})
	}
	if err := printTable(s, columns, rows); err != nil {
		return err
	}
	if more := list.Total - len(list.Sessions); more > 0 {
		s.talk("%d more sessions run", more)
	}
	return nil
}

// printTable prints rows under the names of their columns.
func printTable(s streams, columns []human.Column, rows [][]string) error {
	p := newPrinter(s.out)
	for i, line := range human.Table(columns, rows) {
		if i == 0 {
			line = p.bold + line + p.plainAgain
		}
		if _, err := fmt.Fprintln(s.out, line); err != nil {
			return err
		}
	}
	return nil
}

// orDash returns text of others for a terminal, and a sign for none.
func orDash(text string) string { return cmp.Or(human.Visible(text), "-") }

// event prints what happened to a session, as one line.
func (p printer) event(e admin.Event) error {
	at := e.Time.Local().Format(time.TimeOnly)
	if e.Kind == live.Lost || e.Session == nil {
		_, err := fmt.Fprintf(p.w, "%s  %-8s %d events: they came too fast\n", at, e.Kind, e.Lost)
		return err
	}
	r := e.Session
	words := []string{
		fmt.Sprintf("%s  %s%-8s%s %d", at, p.bold, e.Kind, p.plainAgain, r.ID),
		orDash(cmp.Or(r.User, r.Tried)), orDash(r.Client), r.Command, orDash(r.Destination(len(r.Targets))),
	}
	if e.Kind == live.Closed || e.Kind == live.Refused {
		words = append(words, ended(r))
	}
	_, err := fmt.Fprintln(p.w, strings.Join(words, "  "))
	return err
}

// ended tells what came of a session.
func ended(r *history.Record) string {
	text := fmt.Sprintf("up %s, down %s in %s  %s", human.Size(r.Up), human.Size(r.Down), human.Took(r.End.Sub(r.Start)), human.Visible(r.Reason))
	if r.Error != "" {
		text += ": " + human.Visible(r.Error)
	}
	return text
}
