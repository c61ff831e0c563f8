package scenario

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// inside are the scenarios that look into socksctl.
func inside() []Scenario {
	return []Scenario{
		{Name: "locks/connect", Title: "Waiting for locks, 32 apps that connect", Metrics: []Metric{{"waited", "% of the time of a connection", 2}, {"each", "us a connection", 2}},
			Most: 3, Fresh: true, Subjects: subjects(subject.Profiled()), Base: subject.Profiled().Name, visit: contention},
		{Name: "rules/decide", Title: "Decision of the rules, 10 and 10,000 of them",
			Metrics: []Metric{{"growth", "many over few", 2}, {"few", "ns, few", 0}, {"many", "ns, many", 0}},
			Most:    3, Subjects: subjects(subject.Tree()), Base: subject.Tree().Name, visit: decisions},
		{Name: "gc/tls", Title: "GOGC: CPU of a TLS connection, memory of an idle tunnel", Metrics: []Metric{{"cpu", "CPU-ms", 3}, {"memory", "KiB", 1}}, Asked: true,
			Fresh: true, Subjects: collecting("50", "100", "200", "400"), Base: subject.Collecting("100").Name, visit: collected},
	}
}

// contention tells how long goroutines waited for locks while many apps connect.
func contention(ctx context.Context, v *visit) error {
	const apps, span = 32, 4 * time.Second
	type profiled struct {
		text string
		err  error
	}
	done := make(chan profiled, 1)
	go func() { // ends a moment after the apps
		text, err := v.Contention(ctx, span)
		done <- profiled{text, err}
	}()
	work, err := traffic.Connects(ctx, v.Way, apps, traffic.Span{Ramp: ramp, Window: span - time.Second}, v.Meter)
	p := <-done
	if err = errors.Join(err, p.err); err != nil {
		return err
	}
	waited, err := total(p.text)
	if err != nil {
		return err
	}
	v.text = p.text
	v.set("waited", 100*float64(waited)/float64(apps*work.Took))
	v.set("each", microseconds(waited)/float64(work.Done))
	return nil
}

// total finds the sum of a profile in what go tool pprof prints. It prints none if
// there is nothing in the profile.
func total(top string) (time.Duration, error) {
	found := regexp.MustCompile(`of ([0-9.]+)us total`).FindStringSubmatch(top)
	if found == nil {
		if regexp.MustCompile(`(?m)^\s+flat\s+flat%`).MatchString(top) {
			return 0, nil
		}
		return 0, fmt.Errorf("a profile without a total: %s", top)
	}
	us, err := strconv.ParseFloat(found[1], 64)
	return time.Duration(us * float64(time.Microsecond)), err
}

// decisions tells how long a decision takes among few rules and among many: the
// mean of the three ways to ask.
func decisions(ctx context.Context, v *visit) error {
	text, err := v.Benchmark(ctx, "Decide/(name|address|neither)/(10|10000)$", "./internal/acl")
	if err != nil {
		return err
	}
	cost := make(map[string]float64)
	for _, found := range regexp.MustCompile(`(?m)^BenchmarkDecide/\w+/(\d+)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op`).FindAllStringSubmatch(text, -1) {
		ns, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			return err
		}
		cost[found[1]] += ns / 3
	}
	if cost["10"] == 0 || cost["10000"] == 0 {
		return fmt.Errorf("no figures in: %s", text)
	}
	v.grew(cost["10"], cost["10000"])
	return nil
}

// collecting are servers with so many settings of the garbage collector.
func collecting(percents ...string) (all []subject.Subject) {
	for _, percent := range percents {
		all = append(all, subject.Collecting(percent))
	}
	return all
}

// collected tells what a connection takes, and after that an idle tunnel.
func collected(ctx context.Context, v *visit) error {
	if err := connects(ctx, v); err != nil {
		return err
	}
	return idle(idleTunnels)(ctx, v)
}
