package owner_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/socksctl/socksctl/internal/owner"
)

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

func TestQuestionsLeaveNothingOpen(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	_, accepted := connect(t, own(), nil, l, l.Addr().String())
	gone, orphan := connect(t, own(), nil, l, l.Addr().String())
	gone.Close()
	before := descriptors(t)
	for range 1000 {
		if uid, err := owner.Of(accepted); err != nil || uid != own() {
			t.Fatalf("got uid %d and %v", uid, err)
		}
		if _, err := owner.Of(orphan); err == nil {
			t.Fatal("got no error for a client that has gone")
		}
	}
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors are open, want %d", got, before)
	}
}

// netlinkCall finds what strace -yy writes of messages on netlink sockets.
var netlinkCall = regexp.MustCompile(`(send\w*|recv\w*)\(\d+<NETLINK:`)

// TestOneExchange has strace count what one question takes.
func TestOneExchange(t *testing.T) {
	const traced = "OWNER_IS_TRACED"
	if os.Getenv(traced) != "" {
		l := listen(t, "tcp", "127.0.0.1:0")
		_, accepted := connect(t, own(), nil, l, l.Addr().String())
		if uid, err := owner.Of(accepted); err != nil || uid != own() {
			t.Errorf("got uid %d and %v", uid, err)
		}
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("strace is missing: install the Debian package strace")
		}
		t.Skip("strace is missing: install the Debian package strace")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-yy", "-o", trace, "-e", "trace=network", os.Args[0], "-test.run", "^TestOneExchange$")
	cmd.Env = append(os.Environ(), traced+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, call := range netlinkCall.FindAllSubmatch(text, -1) {
		calls = append(calls, string(call[1]))
	}
	if want := []string{"sendto", "recvfrom"}; !slices.Equal(calls, want) {
		t.Errorf("got the calls %q, want %q\n%s", calls, want, text)
	}
}

func BenchmarkOwnerOfTCP(b *testing.B) {
	l := listen(b, "tcp", "127.0.0.1:0")
	_, accepted := connect(b, own(), nil, l, l.Addr().String())
	benchmark(b, accepted)
}

func BenchmarkOwnerOfUnixSocket(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	l := listen(b, "unix", path)
	_, accepted := connect(b, own(), nil, l, path)
	benchmark(b, accepted)
}

func benchmark(b *testing.B, accepted net.Conn) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := owner.Of(accepted); err != nil {
			b.Fatal(err)
		}
	}
}
