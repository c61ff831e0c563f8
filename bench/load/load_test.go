package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/bench/load/internal/browser"
	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// TestMain lets the test be a bound, as the program itself is one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bound" {
		if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestMeasures does one round of what is short, with socksctl and the bounds.
func TestMeasures(t *testing.T) {
	c := conduct(t)
	t.Run("run", func(t *testing.T) { measures(t, c) })
	t.Run("resume", func(t *testing.T) { resumes(t, c) })
	t.Run("page", func(t *testing.T) { loads(t, c.Env) })
	t.Run("compare", func(t *testing.T) { compares(t, c) })
}

// measures wants a figure of each subject.
func measures(t *testing.T, c *scenario.Conductor) {
	chosen, err := scenario.Select(scenario.All(), "plain/connect,chain/ping,udp/chain")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), scenario.Ours(chosen)); err != nil {
		t.Fatal(err)
	}
	for _, s := range scenario.Ours(chosen) {
		set, err := c.Store.Load(s.Name)
		if err != nil || set == nil {
			t.Fatalf("%s: got %v, %v", s.Name, set, err)
		}
		for _, one := range s.Subjects {
			if set.Done != 1 {
				t.Errorf("%s: %d rounds are done, want 1", s.Name, set.Done)
			}
			if m, ok := set.Median(one.Name, s.Metrics[0].Key); !ok || m <= 0 {
				t.Errorf("%s, %s: got %v, %t; %s", s.Name, one.Name, m, ok, set.Subject(one.Name).Error)
			}
		}
	}
}

// resumes wants nothing to be measured again.
func resumes(t *testing.T, c *scenario.Conductor) {
	var said strings.Builder
	again := *c
	again.Resume, again.Log = true, &said
	chosen, err := scenario.Select(scenario.All(), "plain/connect,udp/chain")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Run(t.Context(), scenario.Ours(chosen)); err != nil || said.String() != "" {
		t.Errorf("got %v and %q, want nothing", err, said.String())
	}
}

// compares wants a figure of both.
func compares(t *testing.T, c *scenario.Conductor) {
	chosen, err := scenario.Select(scenario.All(), "plain/ping")
	if err != nil {
		t.Fatal(err)
	}
	sets, err := c.Compare(t.Context(), chosen, c.Env.Socksctl)
	if err != nil || len(sets) != 1 {
		t.Fatalf("got %d, %v, want 1", len(sets), err)
	}
	for _, name := range []string{scenario.A, scenario.B} {
		if m, ok := sets[0].Median(name, "p50"); !ok || m <= 0 {
			t.Errorf("%s: got %v, %t", name, m, ok)
		}
	}
}

// loads has the page loaded through a socksctl.
func loads(t *testing.T, e *subject.Env) {
	b, err := browser.Start()
	if errors.Is(err, browser.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	site, err := traffic.NewSite()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	proxy, err := subject.Serve().Start(e, "", subject.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.End()
	for range 2 { // the second has nothing of the first
		took, resources, err := b.Load(t.Context(), proxy.Way.Proxy, site.URL())
		if err != nil || took <= 0 || resources != traffic.Resources {
			t.Fatalf("got %v, %d resources, %v, want %d", took, resources, err, traffic.Resources)
		}
	}
}

// conduct prepares one round of a socksctl that is built for it.
func conduct(t *testing.T) *scenario.Conductor {
	t.Helper()
	program := filepath.Join(t.TempDir(), "socksctl")
	build := exec.Command("go", "build", "-o", program, "./cmd/socksctl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build socksctl: %v\n%s", err, out)
	}
	c, err := conductor("", 1, subject.Programs{Socksctl: program}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Env.Close(); err != nil {
			t.Error(err)
		}
	})
	c.Store = result.Store(t.TempDir())
	return c
}

func TestCommands(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"list"}, &out); err != nil || !strings.Contains(out.String(), "plain/bulk ") {
		t.Errorf("list: got %q, %v", out.String(), err)
	}
	for _, bad := range [][]string{nil, {"none"}, {"run", "-only", "none"}, {"compare"}, {"bound", "-kind", "none"}, {"bound", "-cert", "/nonexistent"}} {
		if err := run(t.Context(), bad, &out); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
}
