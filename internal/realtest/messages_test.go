//go:build linux

package realtest_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/proxytest"
)

// TestTroubleshootingCurl provokes what curl says of a proxy, in the words that
// docs/troubleshooting.md has.
func TestTroubleshootingCurl(t *testing.T) {
	curl := program(t, "curl", "curl")
	users := filepath.Join(t.TempDir(), "users")
	add := command(socksctl(t), "user", "add", "alice", "--users", users)
	add.Stdin = strings.NewReader("right\n")
	mustRun(t, add)
	rules := writeFile(t, filepath.Join(t.TempDir(), "rules.toml"), "[global]\ndefault_policy = \"block\"\n")
	open, withLogin, strict := serve(t, "--handshake-timeout", "1s"), serve(t, "--users", users), serve(t, "--acl", rules)
	ask := func(args ...string) string {
		r := run(t, command(curl, append([]string{"-q", "-sS", "--max-time", "60"}, args...)...))
		if r.err == nil {
			t.Errorf("curl %s: it works", strings.Join(args, " "))
		}
		return r.stderr
	}
	through := func(proxy, url string) string { return ask("--proxy", proxy, url) }
	closed := "http://" + proxytest.Closed(t)
	compareMessages(t, "## What curl says", []string{
		through("socks5h://"+proxytest.Closed(t), closed),
		through("socks5h://"+open.tls, closed),
		through("socks5h://"+withLogin.plain, closed),
		through("socks5h://alice:wrong@"+withLogin.plain, closed),
		through("socks5h://"+strict.plain, closed),
		through("socks5h://"+open.plain, "http://no..such.host/"),
		through("socks5h://"+serverless(t), closed),
		through("socks5h://"+open.plain, closed),
		through("socks5://"+open.plain, "http://no..such.host/"),
	})
}

// serverless returns the address of a forwarder whose server is down.
func serverless(t *testing.T) string {
	t.Helper()
	p := start(t, "forward", "--local", "127.0.0.1:0", "--server", "socks5://"+proxytest.Closed(t), "--check-interval", "0")
	return p.await(t, listening, 1)[0][1]
}

// TestTroubleshootingStart provokes what a service says that does not start.
func TestTroubleshootingStart(t *testing.T) {
	dir, keys := t.TempDir(), certificates(t)
	file := func(name, text string) string { return writeFile(t, filepath.Join(dir, name), text) }
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	refuses := func(args ...string) string {
		r := run(t, command(socksctl(t), args...))
		if r.err == nil {
			t.Errorf("socksctl %s: it starts", strings.Join(args, " "))
		}
		return r.stderr
	}
	tls := []string{"serve", "--tls-listen", "127.0.0.1:0"}
	compareMessages(t, "## When it does not start", []string{
		refuses("serve", "--listen", "0.0.0.0:0"),
		refuses("serve", "--listen", taken.Addr().String()),
		refuses("serve", "--config", file("key.toml", "[server]\nlisen = []\n")),
		refuses("serve", "--config", file("text.toml", "[server]\nlisten = [\n")),
		refuses("serve", "--acl", file("rules.toml", "[global]\ndefault_policy = \"maybe\"\n")),
		refuses("serve", "--users", file("users", "alice:secret\n")),
		refuses(tls...),
		refuses(append(tls, "--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("alice.key"))...),
		refuses(append(tls, "--tls-cert", filepath.Join(dir, "none.crt"), "--tls-key", keys.file("server.key"))...),
		refuses("serve", "--listen", "127.0.0.1:0", "--history", "sqlite:///proc/none/history.db"),
		refuses("forward", "--server", "http://localhost"),
	})
}

// compareMessages holds a section of docs/troubleshooting.md to have a row for each
// thing that was said, and none that was not. In the first cell of a row is the
// message, in which "..." stands for anything.
func compareMessages(t *testing.T, section string, said []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), section+"\n")
	text, _, _ := strings.Cut(rest, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1)
	if !found || len(rows) == 0 {
		t.Fatalf("the page has no table %q", section)
	}
	listed := make([]bool, len(said))
	for _, row := range rows {
		message := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(row[1]), `\.\.\.`, ".*"))
		any := false
		for i, words := range said {
			if message.MatchString(words) {
				any, listed[i] = true, true
			}
		}
		if !any {
			t.Errorf("%q is said by nothing", row[1])
		}
	}
	for i, ok := range listed {
		if !ok {
			t.Errorf("the page does not have %q", said[i])
		}
	}
}
