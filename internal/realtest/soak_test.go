//go:build linux

package realtest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

// soakRate is new sessions a second.
const soakRate = 200

// TestSoak opens sessions of every kind, 200 a second for as long as SOAK says,
// and wants the memory, goroutines and descriptors of the server to stay as they
// were after its first quarter. History, metrics and rules are on.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("set SOAK to a duration, 10m for example")
	}
	s := newSoak(t)
	samples := s.run(t, length)
	t.Logf("%d sessions opened, %d failed: %v", s.opened.Load(), s.failed.Load(), s.reason.Load())
	if s.failed.Load() > 0 {
		t.Errorf("%d sessions failed", s.failed.Load())
	}
	early, late := medians(samples[len(samples)/4:len(samples)/2]), medians(samples[len(samples)*3/4:])
	for i, what := range []string{"RSS in KiB", "goroutines", "descriptors"} {
		t.Logf("%s: %d in the second quarter, %d in the last", what, early[i], late[i])
		if slack := []int{8 << 10, 50, 50}[i]; late[i] > early[i]+early[i]/10+slack {
			t.Errorf("%s grew from %d to %d", what, early[i], late[i])
		}
	}
}

// soak is a server under load, and the ways to it.
type soak struct {
	p              *process
	admin          string // its socket
	to             echoes
	ways           []*client.Dialer // plain, TLS, and through a forwarder
	opened, failed atomic.Int64
	reason         atomic.Value // of the last failure
	sessions       sync.WaitGroup
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	dir, keys := t.TempDir(), certificates(t)
	s := &soak{admin: filepath.Join(dir, "admin.sock"), to: newEchoes(t)}
	rules := filepath.Join(dir, "rules.toml")
	if err := os.WriteFile(rules, []byte("[global]\ndefault_policy = \"allow\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.p = start(t, "serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"),
		"--acl", rules, "--history", "sqlite://"+filepath.Join(dir, "history.db"), "--admin", "unix:"+s.admin, "--log-level", "warn")
	var near server
	for _, line := range s.p.await(t, listening, 2) {
		if line[2] == "socks5" {
			near.plain = line[1]
		} else {
			near.tls = line[1]
		}
	}
	source, err := certs.NewClient(certs.ClientConfig{
		CAFile: keys.file("ca.crt"), CertFile: keys.file("alice.crt"), KeyFile: keys.file("alice.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.ways = []*client.Dialer{
		{Address: near.plain}, {Address: near.tls, TLS: source.TLSConfig("localhost")}, {Address: near.forward(t, "--log-level", "warn")},
	}
	return s
}

// run opens sessions, and returns what the server held every few seconds.
func (s *soak) run(t *testing.T, length time.Duration) (samples [][3]int) {
	t.Helper()
	tick := time.NewTicker(time.Second / soakRate)
	defer tick.Stop()
	look := time.NewTicker(length / 40)
	defer look.Stop()
	end := time.After(length)
	for i := 0; ; {
		select {
		case <-tick.C:
			s.sessions.Go(func() { s.session(i) }) // ends by its deadline
			i++
		case <-look.C:
			samples = append(samples, s.look(t))
			t.Logf("%d sessions: RSS %d KiB, %d goroutines, %d descriptors", i, samples[len(samples)-1][0], samples[len(samples)-1][1], samples[len(samples)-1][2])
		case <-end:
			s.sessions.Wait()
			return samples
		}
	}
}

// session holds session i: of ten, eight are CONNECT and two UDP.
func (s *soak) session(i int) {
	s.opened.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d := s.ways[[]int{0, 0, 0, 0, 0, 0, 1, 2, 0, 1}[i%10]]
	once, to := connectOnce, s.to.tcp
	if i%10 >= 8 {
		once, to = udpOnce, s.to.udp
	}
	if err := once(ctx, d, to); err != nil {
		s.failed.Add(1)
		s.reason.Store(err.Error())
	}
}

func connectOnce(ctx context.Context, d *client.Dialer, target string) error {
	c, err := d.DialContext(ctx, "tcp", target)
	if err != nil {
		return err
	}
	defer c.Close()
	return echo(c, 4<<10)
}

func udpOnce(ctx context.Context, d *client.Dialer, target string) error {
	pc, err := d.ListenPacket(ctx, "udp", "")
	if err != nil {
		return err
	}
	defer pc.Close()
	pc.SetDeadline(time.Now().Add(time.Minute))
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return err
	}
	if _, err := pc.WriteTo([]byte("soak"), to); err != nil {
		return err
	}
	b := make([]byte, 100)
	n, _, err := pc.ReadFrom(b)
	if err == nil && string(b[:n]) != "soak" {
		err = fmt.Errorf("got %q back", b[:n])
	}
	return err
}

var metric = regexp.MustCompile(`(?m)^(go_goroutines|process_open_fds) (\d+)$`)

// look returns the RSS in KiB, the goroutines and the descriptors of the server.
func (s *soak) look(t *testing.T) (sample [3]int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	if sample[0], err = strconv.Atoi(strings.Fields(after)[0]); err != nil {
		t.Fatal(err)
	}
	page := mustRun(t, command(program(t, "curl", "curl"), "-sS", "--unix-socket", s.admin, "http://localhost/metrics"))
	for _, m := range metric.FindAllStringSubmatch(page, -1) {
		n, _ := strconv.Atoi(m[2])
		if m[1] == "go_goroutines" {
			sample[1] = n
		} else {
			sample[2] = n
		}
	}
	if sample[1] == 0 || sample[2] == 0 {
		t.Fatalf("the metrics lack goroutines or descriptors: %s", page)
	}
	return sample
}

// medians returns the median of each column.
func medians(samples [][3]int) (m [3]int) {
	for i := range m {
		column := make([]int, len(samples))
		for j := range samples {
			column[j] = samples[j][i]
		}
		slices.Sort(column)
		m[i] = column[len(column)/2]
	}
	return m
}
