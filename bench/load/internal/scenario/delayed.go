package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/browser"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// delay is that of the way to the server, each way.
const delay = 50 * time.Millisecond

// delayed are the scenarios with a server that is far away.
func delayed() []Scenario {
	far := subject.Options{Delay: delay}
	opened, warm := subject.Opened(), subject.ForwardWarm()
	return []Scenario{
		{Name: "delay/first", Title: "First byte of an origin, 50 ms each way to the server",
			Metrics: []Metric{{"p50", "ms p50", 0}, {"most", "ms at most", 0}}, Most: 3, Options: far, visit: firstBytes,
			Subjects: subjects(warm, subject.ForwardCold(), opened, subject.ForwardTLS(), subject.SSH()), Base: opened.Name},
		{Name: "delay/page", Title: "Page of 30 resources in Chromium, 50 ms each way to the server",
			Metrics: []Metric{{"median", "ms", 0}, {"most", "ms at most", 0}}, Most: 2, Options: far, visit: pages,
			Subjects: subjects(warm, subject.ForwardCold(), subject.SSH()), Base: subject.SSH().Name},
	}
}

// firstBytes tells how long it takes until the first byte of an origin is there.
func firstBytes(ctx context.Context, v *visit) error {
	const samples, between = 8, 300 * time.Millisecond
	times, err := traffic.FirstBytes(ctx, v.Way, samples, between)
	if err != nil {
		return err
	}
	v.set("p50", milliseconds(traffic.Percentile(times, 50)))
	v.set("most", milliseconds(traffic.Percentile(times, 100)))
	return nil
}

// pages tells how long a page takes until all of it is there.
func pages(ctx context.Context, v *visit) (err error) {
	site, err := traffic.NewSite()
	if err != nil {
		return err
	}
	defer site.Close()
	b, err := browser.Start()
	if errors.Is(err, browser.ErrMissing) {
		return fmt.Errorf("%w: %w", subject.ErrMissing, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	times, err := load(ctx, b, v.Way.Proxy, site.URL())
	if err != nil {
		return err
	}
	v.set("median", milliseconds(traffic.Percentile(times, 50)))
	v.set("most", milliseconds(traffic.Percentile(times, 100)))
	return nil
}

// load loads a page several times, after one that makes the browser ready.
func load(ctx context.Context, b *browser.Browser, proxy, url string) (times []time.Duration, err error) {
	const samples, between = 4, time.Second
	for i := range samples + 1 {
		took, resources, err := b.Load(ctx, proxy, url)
		if err != nil {
			return nil, err
		}
		if resources != traffic.Resources {
			return nil, fmt.Errorf("the page has %d resources, want %d", resources, traffic.Resources)
		}
		if i > 0 {
			times = append(times, took)
		}
		if err := traffic.Pause(ctx, between); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return times, nil
}
