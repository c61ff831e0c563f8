package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/server"
)

// reloading runs a reloader of parts until the test ends, whose log is said.
func reloading(t *testing.T, parts ...part) (r *reloader, hangups chan os.Signal, said *bytes.Buffer) {
	t.Helper()
	said = new(bytes.Buffer)
	v := &service{Server: new(server.Server), parts: parts, log: slog.New(slog.NewTextHandler(said, nil))}
	r, hangups = newReloader(v), make(chan os.Signal, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go r.run(ctx, hangups)
	t.Cleanup(func() {
		cancel()
		<-r.ended
		if _, err := r.ask(context.Background(), byAdmin); !errors.Is(err, errEnding) {
			t.Errorf("after the end: got %v, want %v", err, errEnding)
		}
	})
	return r, hangups, said
}

// Reloads are made one at a time, and all who ask while one is being made share
// the next: none of them gets one that began before it asked.
func TestReloadsCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, gate := 0, make(chan struct{})
		r, hangups, said := reloading(t, part{name: "rules", prepare: func() (func(), error) {
			made++
			<-gate
			return func() {}, nil
		}})
		var asking sync.WaitGroup
		ask := func(by string) {
			asking.Go(func() {
				result, err := r.ask(t.Context(), by)
				if diff := cmp.Diff(admin.Result{Reloaded: []string{"rules"}}, result); diff != "" || err != nil {
					t.Errorf("%v, -want +got:\n%s", err, diff)
				}
			})
		}
		ask(byFiles)
		synctest.Wait()
		for range 10 {
			ask(byAdmin)
			ask(byFiles)
		}
		synctest.Wait()
		gate <- struct{}{}
		synctest.Wait()
		if made != 2 {
			t.Errorf("got %d reloads, want the second to be for the twenty", made)
		}
		close(gate)
		asking.Wait()
		hangups <- syscall.SIGHUP
		synctest.Wait()
		if made != 3 || strings.Count(said.String(), "msg=reloaded") != 3 || !strings.Contains(said.String(), "by=SIGHUP") {
			t.Errorf("got %d reloads: %s", made, said)
		}
	})
}

// Who gives up waiting does not hold up the others.
func TestReloadGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r, _, _ := reloading(t, part{name: "rules", prepare: func() (func(), error) { <-gate; return nil, nil }})
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 2)
		for range 2 { // one is being served, one waits
			go func() { _, err := r.ask(ctx, byAdmin); gaveUp <- err }()
			synctest.Wait()
		}
		cancel()
		for range 2 {
			if err := <-gaveUp; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		}
		close(gate)
		if _, err := r.ask(t.Context(), byAdmin); err != nil {
			t.Error(err)
		}
	})
}

// All is validated before anything is taken up, and what is bad holds nothing
// else back.
func TestReloadInTwoPhases(t *testing.T) {
	var order []string
	good := func(name string) part {
		return part{name: name, prepare: func() (func(), error) {
			order = append(order, "prepare "+name)
			return func() { order = append(order, "commit "+name) }, nil
		}}
	}
	bad := part{name: "users", prepare: func() (func(), error) {
		order = append(order, "prepare users")
		return nil, errors.New("users:2: not a hash")
	}}
	r, _, said := reloading(t, good("certificates"), bad, good("rules"))
	r.rejudge = func() int { order = append(order, "rejudge"); return 7 }
	result, err := r.ask(t.Context(), byAdmin)
	want := []string{"prepare certificates", "prepare users", "prepare rules", "commit certificates", "commit rules", "rejudge"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(admin.Result{Reloaded: []string{"certificates", "rules"}, Ended: 7}, result); diff != "" || err == nil || err.Error() != "users:2: not a hash" {
		t.Errorf("got %v, -want +got:\n%s", err, diff)
	}
	for _, line := range []string{`msg="reload: kept what was in force" what=users err="users:2: not a hash"`, `msg=reloaded by=admin changed="certificates, rules" ended=7`} {
		if !strings.Contains(said.String(), line) {
			t.Errorf("the log has no %s: %s", line, said)
		}
	}
}
