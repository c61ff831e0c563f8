//go:build linux

package realtest_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// unitDir is where the units are.
const unitDir = "../../deploy/systemd"

// maxExposure is what systemd-analyze may make of a unit, in tenths.
const maxExposure = 20

func unit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(unitDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// installed writes the units to a directory, for the socksctl under test.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	names, err := filepath.Glob(filepath.Join(unitDir, "*.s*"))
	if err != nil {
		t.Fatal(err)
	}
	user, _ := filepath.Glob(filepath.Join(unitDir, "user", "*"))
	for _, path := range append(names, user...) {
		name, _ := filepath.Rel(unitDir, path)
		os.Mkdir(filepath.Join(dir, "user"), 0o755)
		writeFile(t, filepath.Join(dir, name), strings.ReplaceAll(unit(t, name), "/usr/local/bin/socksctl", socksctl(t)))
	}
	return dir
}

func TestUnits(t *testing.T) {
	analyze := program(t, "systemd-analyze", "systemd")
	dir := installed(t)
	for _, name := range []string{"socksctl-serve.service", "socksctl-serve.socket", "socksctl-serve@.service", "socksctl-forward.service"} {
		if out, err := command(analyze, "verify", filepath.Join(dir, name)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("verify %s: %v: %s", name, err, out)
		}
		if filepath.Ext(name) != ".service" {
			continue
		}
		out, err := command(analyze, "security", "--offline=true", "--no-pager", fmt.Sprint("--threshold=", maxExposure), filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Errorf("security of %s: %v: %s", name, err, out)
		}
		t.Logf("%s", out[strings.LastIndex(string(out), "Overall"):])
	}
	if out, err := command(analyze, "--user", "verify", filepath.Join(dir, "user", "socksctl-forward.service")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify the user's: %v: %s", err, out)
	}
}

// The three system services are one but for what they run.
func TestUnitsAreAlike(t *testing.T) {
	_, serve, _ := strings.Cut(unit(t, "socksctl-serve.service"), "[Unit]")
	for name, changes := range map[string][]string{
		"socksctl-serve@.service":  {"(socksctl serve)", "(socksctl serve), instance %i", "socksctl serve --config", "socksctl serve --takeover --config"},
		"socksctl-forward.service": {"SOCKS5 proxy (socksctl serve)", "SOCKS5 forwarder (socksctl forward)", "socksctl serve --config", "socksctl forward --config", "serve.sock", "forward.sock"},
	} {
		if _, got, _ := strings.Cut(unit(t, name), "[Unit]"); got != strings.NewReplacer(changes...).Replace(serve) {
			t.Errorf("%s differs from socksctl-serve.service in more than it should", name)
		}
	}
}

// systemd makes the user and the directory that the units need.
func TestUnitsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := func(name string) string {
		path, err := filepath.Abs(filepath.Join(unitDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, cmd := range []*exec.Cmd{
		command(program(t, "systemd-sysusers", "systemd"), "--root="+root, conf("sysusers.conf")),
		command(program(t, "systemd-tmpfiles", "systemd"), "--root="+root, "--create", conf("tmpfiles.conf")),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", cmd.Path, err, out)
		}
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc", "passwd"))
	if err != nil || !strings.Contains(string(passwd), "socksctl:x:") || !strings.Contains(string(passwd), ":/var/lib/socksctl:/usr/sbin/nologin") {
		t.Errorf("got %s, %v", passwd, err)
	}
	info, err := os.Stat(filepath.Join(root, "etc", "socksctl"))
	if err != nil || info.Mode() != os.ModeDir|0o750 {
		t.Errorf("got %v, %v, want a directory of mode 0750", info, err)
	}
}

// filterOf returns the system calls that a unit allows.
func filterOf(t *testing.T, text string) map[string]bool {
	t.Helper()
	sets := make(map[string][]string)
	name := ""
	for line := range strings.Lines(mustRun(t, command(program(t, "systemd-analyze", "systemd"), "syscall-filter"))) {
		switch word := strings.TrimSpace(line); {
		case word == "" || word[0] == '#':
		case line[0] == '@':
			name = word
		case line[0] == ' ':
			sets[name] = append(sets[name], word)
		}
	}
	var expand func(word string) []string
	expand = func(word string) (calls []string) {
		if word[0] != '@' {
			return []string{word}
		}
		for _, one := range sets[word] {
			calls = append(calls, expand(one)...)
		}
		return calls
	}
	allowed := make(map[string]bool)
	for _, found := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(text, -1) {
		for word := range strings.FieldsSeq(found[2]) {
			for _, call := range expand(word) {
				allowed[call] = found[1] == ""
			}
		}
	}
	return allowed
}

// What the service calls of the kernel, from its start to its end, the units let it
// call.
func TestUnitsSystemCalls(t *testing.T) {
	to, keys, dir := newEchoes(t), certificates(t), runtimeDir(t)
	pipe := filepath.Join(dir, "trace")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	rules := writeFile(t, filepath.Join(dir, "rules"), allowAll+"[[users]]\nname = \"*\"\n[[users.rules]]\naction = \"block\"\ndestinations = [\"192.0.2.0/24\"]\n")
	args := []string{"serve", "--listen", "127.0.0.1:0", "--tls-listen", "0.0.0.0:0", "--takeover", "--acl", rules, "--allow-private",
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"),
		"--history", "sqlite://" + dir + "/history.db", "--audit", filepath.Join(dir, "audit"), "--admin", "unix:" + dir + "/a"}
	serve := command(program(t, "strace", "strace"), append([]string{"-D", "-f", "-qq", "-o", pipe, socksctl(t)}, args...)...) // -D: signals reach what is traced
	trace := make(chan string, 1)
	go func() { // ends with strace
		text, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		trace <- string(text)
	}()
	m := newManager(t)
	serve.Env = append(serve.Env, "NOTIFY_SOCKET="+m.LocalAddr().String(), "WATCHDOG_USEC=100000")
	p := startCommand(t, serve)
	at := p.addresses(t, 2)
	m.wants(t, `READY=1\nSTATUS=.*`)
	go io.Copy(io.Discard, m) // ends with the test
	d := &client.Dialer{Address: at[0]}
	steady := append(sessions(t, d, to), tunnel(t, d, to))
	mustRun(t, command(socksctl(t), append([]string{"check", "--server", "socks5+tls://localhost:" + portOf(t, at[1])}, keys.client()...)...))
	if r := run(t, command(socksctl(t), "connect", "--server", "socks5://"+at[0], "192.0.2.1:"+portOf(t, at[1]))); exitStatus(r.err) != 4 { // is that its own?
		t.Errorf("what the rules block: %v, %s", r.err, r.stderr)
	}
	mustRun(t, command(socksctl(t), "reload", "--admin", "unix:"+dir+"/a"))
	for _, s := range steady {
		if err := s.alive(); err != nil {
			t.Errorf("%s: %v", s.what, err)
		}
		s.close()
	}
	second := start(t, append(args, "--drain-timeout", "0")...) // takes over, so that p ends
	second.await(t, listening, 2)
	p.ended(t)
	text := <-trace
	called := allFound(text, `(?m)^\d+ +([a-z0-9_]+)\(`)
	if !slices.Contains(called, "accept4") || !slices.Contains(called, "sendmsg") {
		t.Fatalf("called: %q", called)
	}
	families := allFound(text, `(?m)^\d+ +socket\((AF_\w+),`)
	if !slices.Contains(families, "AF_NETLINK") {
		t.Errorf("opened sockets of %q: it never asked for this host's addresses", families)
	}
	t.Logf("called: %q, sockets: %q", called, families)
	for _, name := range []string{"socksctl-serve.service", "user/socksctl-forward.service"} {
		text := unit(t, name)
		for _, family := range families {
			if !regexp.MustCompile(`(?m)^RestrictAddressFamilies=.*\b` + family + `\b`).MatchString(text) {
				t.Errorf("%s allows no sockets of %s", name, family)
			}
		}
		allowed := filterOf(t, text)
		for _, call := range called {
			rootOnly := call == "fchown" && os.Geteuid() == 0 // SQLite's; the units run as others
			if !allowed[call] && !rootOnly {
				t.Errorf("%s does not allow %s", name, call)
			}
		}
	}
}

// allFound returns what the group of pattern found in text, each once.
func allFound(text, pattern string) (words []string) {
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		words = append(words, found[1])
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port := splitHostPort(t, addr)
	return port
}
