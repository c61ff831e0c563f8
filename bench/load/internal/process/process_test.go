package process_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/process"
)

// spin is a shell that takes CPU time by itself and in a child that has ended,
// says so and stays.
const spin = `i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'
echo done >"$0"; exec sleep 100`

func TestUsageCountsChildrenThatHaveEnded(t *testing.T) {
	mark := t.TempDir() + "/done"
	p, err := process.Start("sh", "-c", spin, mark)
	if err != nil {
		t.Fatal(err)
	}
	defer p.End()
	await(t, func() bool { _, err := os.Stat(mark); return err == nil })
	u, err := process.Take(p.ID())
	if err != nil {
		t.Fatal(err)
	}
	cpu, err := process.CPU(p.ID())
	if err != nil || cpu < u.CPU {
		t.Errorf("CPU later: got %v, %v, want %v at least", cpu, err, u.CPU)
	}
	if u.CPU < 10*time.Millisecond { // the child alone takes more
		t.Errorf("CPU: got %v, want that of the child too", u.CPU)
	}
	if u.PSS <= 0 || u.Descriptors < 3 {
		t.Errorf("got %d bytes, %d descriptors", u.PSS, u.Descriptors)
	}
}

func TestUsageCountsDescendants(t *testing.T) {
	mark := t.TempDir() + "/done"
	p, err := process.Start("sh", "-c", `sleep 100 & echo done >"$0"; wait`, mark)
	if err != nil {
		t.Fatal(err)
	}
	defer p.End()
	await(t, func() bool { _, err := os.Stat(mark); return err == nil })
	await(t, func() bool {
		u, err := process.Take(p.ID())
		return err == nil && u.Descriptors >= 6 // three of each
	})
}

func TestEndEndsChildren(t *testing.T) {
	mark := t.TempDir() + "/id"
	p, err := process.Start("sh", "-c", `trap '' TERM; sleep 100 & echo $! >"$0.new"; mv "$0.new" "$0"; while :; do wait; done`, mark)
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { _, err := os.Stat(mark); return err == nil })
	if err := p.Err(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	p.End()
	p.End() // has nothing to do
	if err := p.Err(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v, want ErrProcessDone", err)
	}
	if err := syscall.Kill(-p.ID(), 0); !errors.Is(err, syscall.ESRCH) && err != nil {
		t.Errorf("the group: %v", err)
	}
}

func TestErrTellsWhatWasSaidLast(t *testing.T) {
	p, err := process.Start("sh", "-c", "echo no such thing >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	defer p.End()
	await(t, func() bool { return p.Err() != nil })
	if err := p.Err(); !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "no such thing") {
		t.Errorf("got %v", err)
	}
	if _, err := process.Start("/nonexistent/program"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: got %v", err)
	}
	if err := process.Run("sh", "-c", "echo why; false"); err == nil || !strings.HasSuffix(err.Error(), ": why") {
		t.Errorf("Run: got %v", err)
	}
}

// await fails the test if something does not come true.
func await(t *testing.T, what func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come true")
		}
	}
}
