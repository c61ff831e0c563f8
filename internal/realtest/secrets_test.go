//go:build linux

package realtest_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/proxytest"
)

// The passwords of these tests have lengths that nothing else is likely to have.
// The odd one has what a URL means something by.
var (
	plainSecret = secret(strings.Repeat("Xq7Zw2Kp9", 19) + "Jv")
	oddSecret   = secret(`Gh5/?#[]@!&'()*+,;=:% "Tn8Bd4` + strings.Repeat("Lm3Rs6", 25))
)

// secret is a password.
type secret string

// forms returns what must not be seen: any six bytes of it in a row, its length,
// and it encoded in some way, by itself or behind the name.
func (s secret) forms() []string {
	var all []string
	for i := 0; i+6 <= len(s); i++ {
		all = append(all, string(s[i:i+6]))
	}
	for _, text := range []string{string(s), "alice:" + string(s), "\x01\x05alice" + string(rune(len(s))) + string(s)} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text)))
	}
	return append(all, url.QueryEscape(string(s)), url.PathEscape(string(s)), url.UserPassword("alice", string(s)).String())
}

// hidden wants text to show none of the forms of the secrets, nor their lengths
// as numbers.
func hidden(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range []secret{plainSecret, oddSecret} {
		for _, form := range s.forms() {
			if strings.Contains(text, form) {
				t.Errorf("%s: %q of a password is in %q", where, form, text)
				return
			}
		}
		moments := regexp.MustCompile(`time="?[-0-9T:.Z]+|"time":"[^"]*"`)
		if regexp.MustCompile(`\b` + strconv.Itoa(len(s)) + `\b`).MatchString(moments.ReplaceAllString(text, "")) {
			t.Errorf("%s: the length of a password is in %q", where, text)
		}
	}
}

// says runs a command that is given passwords, wants its exit status and that it
// says something, and keeps the passwords hidden in all that it does.
type says struct {
	args   []string
	stdin  string
	env    []string
	status int
	want   string // a regular expression for stdout and stderr
}

func (s says) run(t *testing.T) {
	t.Helper()
	cmd := command(socksctl(t), s.args...)
	cmd.Env = append(cmd.Env, s.env...)
	cmd.Stdin = strings.NewReader(s.stdin)
	r := run(t, cmd)
	if got := cmd.ProcessState.ExitCode(); got != s.status {
		t.Errorf("%s: exit status %d, want %d", strings.Join(s.args, " "), got, s.status)
	}
	if text := r.stdout + r.stderr; !regexp.MustCompile(s.want).MatchString(text) {
		t.Errorf("%s: said %q, want %q", strings.Join(s.args, " "), text, s.want)
	}
	hidden(t, strings.Join(s.args[:2], " "), r.stdout+r.stderr)
}

// inURL returns a URL with a secret in it.
func inURL(scheme string, s secret, rest string) string {
	return scheme + "://" + url.UserPassword("alice", string(s)).String() + "@" + rest
}

func TestSecretsOfUserFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	for _, s := range []secret{plainSecret, oddSecret} {
		line := string(s) + "\n"
		for _, c := range []says{
			{args: []string{"user", "add", "alice", "--users", file}, stdin: line},
			{args: []string{"user", "add", "alice", "--users", file}, stdin: line, status: 1, want: "already"},
			{args: []string{"user", "verify", "alice", "--users", file}, stdin: line},
			{args: []string{"user", "verify", "alice", "--users", file}, stdin: "x" + line, status: 1, want: "wrong"},
			{args: []string{"user", "verify", "bob", "--users", file}, stdin: line, status: 1, want: "wrong"},
			{args: []string{"user", "passwd", "alice", "--users", file}, stdin: line},
			{args: []string{"user", "passwd", "bob", "--users", file}, stdin: line, status: 1, want: "bob"},
			{args: []string{"user", "add", "bob", "--users", file}, stdin: strings.Repeat(line[:len(line)-1], 2) + "\n", status: 1, want: "255"},
			{args: []string{"user", "list", "--users", file, "--json"}, want: "argon2id"},
			{args: []string{"user", "remove", "alice", "--users", file}},
		} {
			c.run(t)
		}
	}
	for _, content := range []string{"alice:%s\n", "%s\n", "alice:{SHA}%s\n", "alice:$6$%s\n", "alice:$2y$10$%s\n", "alice:$argon2id$v=19$m=8,t=1,p=1$%s$x\n", ":%s\n", "alice:$apr1$%s\n"} {
		broken := writeFile(t, filepath.Join(t.TempDir(), "users"), fmt.Sprintf(content, plainSecret))
		for _, args := range [][]string{
			{"user", "list", "--users", broken},
			{"serve", "--listen", "127.0.0.1:0", "--users", broken},
			{"forward", "--local", "127.0.0.1:0", "--server", "socks5://127.0.0.1", "--users", broken},
		} {
			says{args: args, status: 3, want: "users:1: "}.run(t)
		}
	}
}

func TestSecretsInURLs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for _, s := range []secret{plainSecret, oddSecret} {
		for _, bad := range []struct {
			url    string
			status int
		}{
			{inURL("socks5", s, closed), 5},
			{inURL("socks5+tls", s, closed), 5},
			{inURL("socks5", s, "nowhere.invalid"), 5},
			{inURL("gopher", s, closed), 2},
			{inURL("socks5", s, "127.0.0.1:port"), 2},
			{inURL("socks5", s, "[::1"), 2},
			{inURL("socks5", s, ""), 2},
			{inURL("socks5", s, "127.0.0.1/path"), 2},
			{"socks5://alice:%zz" + string(plainSecret) + "@" + closed, 2},
			{"socks5://:" + string(plainSecret) + "@" + closed, 2},
			{"socks5://alice:" + string(plainSecret) + string(plainSecret) + "@" + closed, 2},
			{"alice:" + string(plainSecret) + "@" + closed, 2},
			{"socks5://alice:" + string(oddSecret) + "@" + closed, 2},
		} {
			says{args: []string{"connect", "127.0.0.1:9"}, env: []string{"SOCKSCTL_PROXY=" + bad.url}, status: bad.status, want: "."}.run(t)
			says{args: []string{"udp-send", "127.0.0.1:9", "x"}, env: []string{"ALL_PROXY=" + bad.url}, status: bad.status, want: "."}.run(t)
			says{args: []string{"bind-listen", "--server", bad.url}, status: bad.status, want: "."}.run(t)
			says{args: []string{"connect", bad.url, "--server", "socks5://" + closed}, status: 2, want: "."}.run(t)
			says{args: []string{"config", "print", "--json"}, env: []string{"SOCKSCTL_FORWARD_SERVER=" + bad.url}, want: "forward"}.run(t)
			file := writeFile(t, filepath.Join(t.TempDir(), "config.toml"), fmt.Sprintf("[forward]\nserver = [%q]\nlocal = [%q]\n", bad.url, "127.0.0.1:0"))
			says{args: []string{"config", "print", "--config", file}, want: "forward"}.run(t)
			if bad.status != 5 {
				says{args: []string{"config", "check", "--config", file}, status: 3, want: "."}.run(t)
				says{args: []string{"forward", "--config", file}, status: 2, want: "."}.run(t)
				says{args: []string{"forward", "--server", bad.url}, status: 2, want: "."}.run(t)
			}
		}
	}
}

// logins goes through a proxy as alice with the right password, with others, and
// with messages that are no login. It returns how many of them are refused.
func logins(t *testing.T, proxy string) (refused int) {
	t.Helper()
	origin := proxytest.Echo(t)
	for _, c := range []struct {
		password secret
		status   int
	}{{oddSecret, 0}, {plainSecret, 4}, {oddSecret[1:], 4}, {oddSecret, 0}} {
		env := []string{"SOCKSCTL_PROXY=" + inURL("socks5", c.password, proxy)}
		says{args: []string{"connect", origin}, env: env, status: c.status}.run(t)
		if c.status != 0 {
			refused++
		}
	}
	pair := "\x05alice" + string([]byte{byte(len(oddSecret))}) + string(oddSecret)
	for _, sent := range []string{
		"\x05\x01\x02\x05" + pair, "\x05\x01\x02\x01" + pair[:100], "\x05\x01\x02\x01\x00" + pair[6:], "\x05\x01\x00\x01" + pair,
		"\x01" + pair, string(oddSecret), "GET http://alice:" + string(oddSecret) + "@x/ HTTP/1.1\r\n\r\n",
	} {
		c, err := net.Dial("tcp", proxy)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		c.Close()
		refused++
	}
	return refused
}

// keeps wants a process, once it has told of so many refusals, to have shown no
// password, and to show none when it reads a broken user file.
func (p *process) keeps(t *testing.T, refused int, users string) {
	t.Helper()
	p.await(t, regexp.MustCompile(`msg"?[=:]"?refused`), refused)
	if users != "" {
		writeFile(t, users, "alice:"+string(oddSecret)+"\n")
		p.signal(t, syscall.SIGHUP)
		p.await(t, regexp.MustCompile(`kept what was in force`), 1)
	}
	hidden(t, strings.Join(p.cmd.Args[1:3], " "), p.said.String())
}

func userFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	says{args: []string{"user", "add", "alice", "--users", file}, stdin: string(oddSecret) + "\n"}.run(t)
	return file
}

// proxyOf returns the address that p listens on.
func proxyOf(t *testing.T, p *process) string {
	t.Helper()
	return p.await(t, listening, 1)[0][1]
}

func TestSecretsOfServe(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		users := userFile(t)
		p := start(t, "serve", "--listen", "127.0.0.1:0", "--users", users, "--log-level", "debug", "--log-format", format)
		p.keeps(t, logins(t, proxyOf(t, p)), users)
	}
}

// A program that verifies logins has the password on its stdin, and nowhere else
// where others of this host could look; what it says of it is not logged.
func TestSecretsOfAuthCommand(t *testing.T) {
	seen := filepath.Join(t.TempDir(), "seen")
	script := writeFile(t, filepath.Join(t.TempDir(), "verify"), fmt.Sprintf(`
cat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline /proc/$PPID/environ >>%s
IFS= read -r name; IFS= read -r password
printf 'is it %%s?\n' "$password" >&2
[ "$name" != mallory ] || exit 3
[ ${#password} = %d ] || exit 1
`, seen, len(oddSecret)))
	p := start(t, "serve", "--listen", "127.0.0.1:0", "--auth-command", "/bin/sh "+script, "--log-level", "debug")
	proxy := proxyOf(t, p)
	refused := logins(t, proxy)
	env := []string{"SOCKSCTL_PROXY=" + strings.Replace(inURL("socks5", oddSecret, proxy), "alice", "mallory", 1)}
	says{args: []string{"connect", "127.0.0.1:9"}, env: env, status: 4}.run(t)
	p.keeps(t, refused+1, "")
	text, err := os.ReadFile(seen)
	if err != nil || len(text) == 0 {
		t.Fatalf("the program saw %q: %v", text, err)
	}
	hidden(t, "around the program", string(text))
}

// A forwarder may have its password in a file, in its configuration, in its
// environment and in a flag.
func TestSecretsOfForward(t *testing.T) {
	users := userFile(t)
	s := start(t, "serve", "--listen", "127.0.0.1:0", "--users", users, "--log-level", "debug")
	server, origin, refused := proxyOf(t, s), proxytest.Echo(t), 0
	for _, password := range []secret{oddSecret, plainSecret} {
		status := 0
		if password == plainSecret {
			status = 4
		}
		dir := t.TempDir()
		full := inURL("socks5", password, server)
		config := writeFile(t, filepath.Join(dir, "config.toml"), fmt.Sprintf("[forward]\nserver = [%q]\n", full))
		file := writeFile(t, filepath.Join(dir, "password"), string(password)+"\n")
		for _, way := range []struct{ args, env []string }{
			{[]string{"--server", "socks5://alice@" + server, "--password-file", file}, nil},
			{[]string{"--config", config}, nil},
			{nil, []string{"SOCKSCTL_FORWARD_SERVER=" + full}},
			{[]string{"--server", full}, nil},
		} {
			cmd := command(socksctl(t), append([]string{"forward", "--local", "127.0.0.1:0", "--users", users, "--log-level", "debug"}, way.args...)...)
			cmd.Env = append(cmd.Env, way.env...)
			p := startCommand(t, cmd)
			proxy := proxyOf(t, p)
			env := []string{"SOCKSCTL_PROXY=" + inURL("socks5", oddSecret, proxy)}
			says{args: []string{"connect", origin}, env: env, status: status}.run(t)
			says{args: []string{"udp-send", "127.0.0.1:9", "x", "--timeout", "1s"}, env: env, status: max(status, 1)}.run(t)
			says{args: []string{"connect", origin}, env: []string{"SOCKSCTL_PROXY=" + inURL("socks5", plainSecret, proxy)}, status: 4}.run(t)
			p.keeps(t, 1, "")
			refused += 2 * status / 4
		}
	}
	s.keeps(t, refused, users)
}
