//go:build linux

package realtest_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

const haproxyConfig = "../../deploy/haproxy/haproxy.cfg"

// haproxy runs the documented configuration, but for its addresses: it listens on
// loopback and has these two servers. It returns where.
func haproxy(t *testing.T, one, two string) string {
	t.Helper()
	path := program(t, "haproxy", "haproxy")
	mustRun(t, command(path, "-c", "-q", "-f", haproxyConfig))
	text, err := os.ReadFile(haproxyConfig)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	config := string(text)
	for from, to := range map[string]string{"bind :1443": "bind fd@3", "one 192.0.2.11:1443": "one " + one, "two 192.0.2.12:1443": "two " + two} {
		if strings.Count(config, from) != 1 {
			t.Fatalf("%s does not have %q once", haproxyConfig, from)
		}
		config = strings.Replace(config, from, to, 1)
	}
	cmd := command(path, "-db", "-f", writeFile(t, filepath.Join(t.TempDir(), "haproxy.cfg"), config))
	cmd.ExtraFiles = []*os.File{socket}
	said := newTranscript()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it is ours to end, whatever it is doing
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy\n%s", said)
		}
	})
	return l.Addr().String()
}

// behind is a server that a balancer connects to, on loopback.
type behind struct {
	*process
	tls                   string
	admin, audit, history string // where it is asked, and what it writes
}

func serveBehind(t *testing.T, rules string) behind {
	t.Helper()
	keys := certificates(t)
	dir := runtimeDir(t)
	b := behind{admin: "unix:" + filepath.Join(dir, "a"), audit: filepath.Join(dir, "audit"), history: "sqlite://" + filepath.Join(dir, "history.db")}
	b.process = start(t, "serve", "--tls-listen", "127.0.0.1:0", "--proxy-protocol", "127.0.0.1", "--admin", b.admin, "--audit", b.audit, "--history", b.history,
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"),
		"--acl", writeFile(t, filepath.Join(t.TempDir(), "rules.toml"), rules))
	b.tls = b.await(t, listening, 1)[0][1]
	return b
}

// from is a way to a balancer that begins at one of loopback's addresses.
func (p pki) from(t *testing.T, ip, balancer string) *client.Dialer {
	t.Helper()
	return &client.Dialer{Address: balancer, TLS: p.trusted(t), Forward: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}}
}

// record is what a test here wants to know of one, wherever it is written down.
type record struct{ Client, Via, Command string }

// knowsTheBalancer holds what a server tells of a session to that it came by the
// balancer.
func (b behind) knowsTheBalancer(t *testing.T, text string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(text) {
		var r struct {
			record
			Session record
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if r.Session.Client != "" {
			r.record = r.Session
		}
		if strings.HasPrefix(r.Client, "127.0.0.9:") && strings.HasPrefix(r.Via, "127.0.0.1:") {
			found++
		}
	}
	if found == 0 {
		t.Errorf("no session came by the balancer:\n%s", text)
	}
}

// Behind the balancer every command works, and the servers know their clients: a
// rule's sources and the records are about them.
func TestHAProxyMutualTLS(t *testing.T) {
	const rules = `[[users]]
name = "*"
[[users.rules]]
action = "allow"
destinations = ["127.0.0.1"]
sources = ["127.0.0.9"]
`
	to := newEchoes(t)
	servers := []behind{serveBehind(t, rules), serveBehind(t, rules)}
	balancer := haproxy(t, servers[0].tls, servers[1].tls)
	for range servers { // the balancer takes them in turn
		open := sessions(t, certificates(t).from(t, "127.0.0.9", balancer), to)
		told := 0
		for _, s := range servers {
			list := mustRun(t, command(socksctl(t), "sessions", "--admin", s.admin, "--json"))
			told += len(regexpOf(`"client":"127\.0\.0\.9:\d+","via":"127\.0\.0\.1:\d+"`).FindAllString(list, -1))
		}
		if told != len(open) {
			t.Errorf("%d live sessions came by the balancer, want %d", told, len(open))
		}
		for _, s := range open {
			if err := s.alive(); err != nil {
				t.Errorf("%s: %v", s.what, err)
			}
			s.close()
		}
	}
	if err := reach(certificates(t).from(t, "127.0.0.8", balancer), to); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("from an address that no rule lets in: got %v, want a refusal", err)
	}
	awaitEither(t, servers[0].process, servers[1].process, `msg=refused .* client=127\.0\.0\.8:\d+ .* via=127\.0\.0\.1:\d+ `)
	for _, s := range servers {
		s.await(t, regexpOf(`msg=session .* client=127\.0\.0\.9:\d+ .* via=127\.0\.0\.1:\d+ `), 1)
		s.knowsTheBalancer(t, readFile(t, s.audit))
		for line := range strings.Lines(s.said.String()) {
			if strings.Contains(line, "msg=refused") && !strings.Contains(line, "client=127.0.0.8:") { // such as a check
				t.Error(line)
			}
		}
	}
	defer func() {
		for _, s := range servers {
			s.stop(t)
			s.knowsTheBalancer(t, mustRun(t, command(socksctl(t), "sessions", "history", "--history", s.history, "--limit", "0", "--json")))
		}
	}()
	// Nobody else may say who the client is.
	direct := &client.Dialer{Address: servers[0].tls, TLS: certificates(t).trusted(t)}
	if err := direct.Handshake(t.Context()); err == nil {
		t.Error("a connection of the balancer's without a header was served")
	}
}

// awaitEither waits until one of two processes has said what matches.
func awaitEither(t *testing.T, a, b *process, pattern string) {
	t.Helper()
	limit := time.After(startLimit)
	for {
		changedA, textA := a.said.snapshot()
		changedB, textB := b.said.snapshot()
		if regexpOf(pattern).MatchString(textA + textB) {
			return
		}
		select {
		case <-changedA:
		case <-changedB:
		case <-limit:
			t.Fatalf("neither said %q", pattern)
		}
	}
}

// A server that is told to stop, and one that is killed, are gone round: what
// begins then is served by the other. What was on the first goes on, and what was
// on the second is all that is lost.
func TestHAProxyServersStopMutualTLS(t *testing.T) {
	to := newEchoes(t)
	stopped, killed, last := serveBehind(t, allowHere), serveBehind(t, allowHere), serveBehind(t, allowHere)
	t.Run("SIGTERM", func(t *testing.T) {
		d := certificates(t).from(t, "127.0.0.9", haproxy(t, stopped.tls, last.tls))
		open := []live{tunnel(t, d, to), tunnel(t, d, to), tunnel(t, d, to), tunnel(t, d, to)}
		idle, err := net.Dial("tcp", stopped.tls)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		stopped.signal(t, syscall.SIGTERM)
		if _, err := idle.Read(make([]byte, 1)); err == nil { // ended once the listener is closed
			t.Error("an idle connection goes on")
		}
		for range 50 {
			if err := reach(d, to); err != nil {
				t.Errorf("after SIGTERM: %v", err)
			}
		}
		for _, s := range open {
			if err := s.alive(); err != nil {
				t.Errorf("from before: %v", err)
			}
			s.close()
		}
	})
	t.Run("SIGKILL", func(t *testing.T) {
		d := certificates(t).from(t, "127.0.0.9", haproxy(t, killed.tls, last.tls))
		open := []live{tunnel(t, d, to), tunnel(t, d, to), tunnel(t, d, to), tunnel(t, d, to)}
		sum := underLoad(t, d, to, func() { killed.kill(t) })
		if lost := count(open); lost != 2 || sum.refused+sum.lost > loaders {
			t.Errorf("lost %d of 4 tunnels, and of the load %v: want 2, and what each loader was at", lost, sum)
		}
	})
}

const allowHere = "[[users]]\nname = \"*\"\n[[users.rules]]\naction = \"allow\"\ndestinations = [\"127.0.0.1\"]\n"

// trusted is TLS with alice's certificate, to servers of p.
func (p pki) trusted(t *testing.T) *tls.Config {
	t.Helper()
	source, err := certs.NewClient(certs.ClientConfig{CAFile: p.file("ca.crt"), CertFile: p.file("alice.crt"), KeyFile: p.file("alice.key")})
	if err != nil {
		t.Fatal(err)
	}
	return source.TLSConfig("localhost")
}
