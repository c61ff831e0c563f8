package subject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Tree is the source tree, which has benchmarks of its own and starts nothing.
func Tree() Subject {
	return Subject{Name: "socksctl", start: func(e *Env, r *Running, _ string, _ Options) error {
		if r.root = e.Root; r.root == "" {
			return ErrMissing
		}
		return nil
	}}
}

// Benchmark runs Go benchmarks of a package of the tree and returns what they print.
func (r *Running) Benchmark(ctx context.Context, pattern, pkg string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", "200ms", pkg)
	cmd.Dir = r.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("benchmarks of %s: %w: %s", pkg, err, out)
	}
	return string(out), nil
}

// Contention has socksctl note for so long where it waits for locks, and returns
// that as go tool pprof prints it.
func (r *Running) Contention(ctx context.Context, d time.Duration) (string, error) {
	profile, err := r.profile(ctx, fmt.Sprintf("mutex?seconds=%d", int(d.Seconds())))
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "mutex")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(profile)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-hide=^(sync|runtime)[./]", "-nodecount=15", "-unit=us", file.Name()).Output()
	_, sites, _ := strings.Cut(string(out), "\nShowing ") // what is before names a build
	return sites, err
}

// profile asks the admin socket.
func (r *Running) profile(ctx context.Context, what string) ([]byte, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.admin)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/debug/pprof/"+what, nil)
	if err != nil {
		return nil, err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("profile %s: %s: %s", what, answer.Status, body)
	}
	return body, err
}
