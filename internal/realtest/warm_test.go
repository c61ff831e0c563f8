//go:build linux

package realtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
)

// warmForwarder is a forwarder that tells how many connections it holds ready.
type warmForwarder struct {
	*process
	admin.Client
	client.Dialer // goes through it
}

func startWarm(t *testing.T, args ...string) *warmForwarder {
	t.Helper()
	at := filepath.Join(runtimeDir(t), "admin")
	p := start(t, append([]string{"forward", "--local", "127.0.0.1:0", "--admin", "unix:" + at, "--check-interval", "0",
		"--warm", "2"}, args...)...)
	w := &warmForwarder{process: p, Client: admin.Client{Address: "unix:" + at}}
	w.Dialer.Address = p.await(t, listening, 1)[0][1]
	p.await(t, regexpOf("msg=admin address="), 1)
	return w
}

// warm returns how many connections to the server are ready.
func (w *warmForwarder) warm(t *testing.T) int {
	t.Helper()
	status, err := w.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.Servers[0].Warm
}

// awaitWarm waits until so many connections are ready.
func (w *warmForwarder) awaitWarm(t *testing.T, want int) {
	t.Helper()
	if got := w.warmWithin(t, startLimit, want); got != want {
		t.Fatalf("%d warm connections, want %d", got, want)
	}
}

// warmWithin waits until so many connections are ready, for a limited time, and
// returns how many there are.
func (w *warmForwarder) warmWithin(t *testing.T, limit time.Duration, want int) (got int) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		if got = w.warm(t); got == want || time.Now().After(end) {
			return got
		}
	}
}

// warmUp makes requests to an address until so many connections are ready. One that
// comes before the forwarder has begun to keep some, just after its start, asks for
// none.
func (w *warmForwarder) warmUp(t *testing.T, to echoes, want int) {
	t.Helper()
	const patience = 3 * time.Second
	for end := time.Now().Add(startLimit); ; {
		if err := reach(&w.Dialer, to); err != nil {
			t.Fatal(err)
		}
		got := w.warmWithin(t, patience, want)
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d warm connections, want %d", got, want)
		}
	}
}

// sockets returns how many sockets the process has.
func (p *process) sockets(t *testing.T) (n int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && len(to) > 6 && to[:6] == "socket" {
			n++
		}
	}
	return n
}

// awaitSockets waits until the process has so many sockets.
func (p *process) awaitSockets(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(startLimit); p.sockets(t) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s has %d sockets, want %d", p.cmd.Args[1], p.sockets(t), want)
		}
	}
}

// What a forwarder holds ready is a socket at each end. A change of certificates
// ends it, and so does a drain, which leaves what is in use. With --warm 0 there is
// none.
func TestWarmMutualTLS(t *testing.T) {
	to, keys := newEchoes(t), newPKI(t)
	far, url := serveOnly(t, "server", keys)
	w := startWarm(t, append([]string{"--server", url}, keys.client()...)...)
	cold := startWarm(t, append([]string{"--server", url, "--warm", "0"}, keys.client()...)...)
	alone, own := far.sockets(t), w.sockets(t)
	use := func() {
		t.Helper()
		for _, one := range []*warmForwarder{w, cold} {
			if err := reach(&one.Dialer, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	use()
	w.warmUp(t, to, 2)
	cold.awaitWarm(t, 0)
	far.awaitSockets(t, alone+2)
	w.awaitSockets(t, own+2)

	mustRun(t, command(socksctl(t), "cert", "client", "--dir", string(keys), "--name", "alice", "--overwrite"))
	w.await(t, regexpOf("msg=reloaded .*certificates"), 1)
	w.awaitWarm(t, 0)
	use()
	w.awaitWarm(t, 2)
	far.awaitSockets(t, alone+2)

	open := tunnel(t, &w.Dialer, to)
	defer open.close()
	w.awaitWarm(t, 2)
	w.signal(t, syscall.SIGTERM)
	w.await(t, regexpOf("msg=draining"), 1)
	far.awaitSockets(t, alone+2) // of the tunnel
	if err := open.alive(); err != nil {
		t.Error(err)
	}
}

// One whose server is killed is gone at once.
func TestWarmAndKillMutualTLS(t *testing.T) {
	to, keys := newEchoes(t), certificates(t)
	far, url := serveOnly(t, "server", keys)
	w := startWarm(t, append([]string{"--server", url}, keys.client()...)...)
	w.warmUp(t, to, 2)
	far.kill(t)
	w.awaitWarm(t, 0)
}

// A server that knows nobody gets none: it would end them soon.
func TestWarmTLSWithoutLogin(t *testing.T) {
	to, keys := newEchoes(t), certificates(t)
	p := start(t, "serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"))
	s := server{tls: p.await(t, listening, 1)[0][1]}
	w := startWarm(t, "--server", s.url(), "--ca", keys.file("ca.crt"))
	for range 3 {
		if err := reach(&w.Dialer, to); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitWarm(t, 0)
}
