package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// odd is what needs care in each of the forms that an installation is written in.
const odd = `/a b/100% $HOME "q" <&> \ {{x}}`

func oddInstallation() *installation {
	return &installation{what: "forward", args: []string{"--acl=" + odd, "--admin=unix:/run/x"}, binary: "/bin/socks ctl", dir: "/tmp", drain: 50 * time.Second}
}

func TestUnitWords(t *testing.T) {
	want := `"/bin/socks ctl" "forward" "--acl=/a b/100%% $$HOME \"q\" <&> \\ \x7b\x7bx}}" "--admin=unix:/run/x"`
	text := oddInstallation().unit()
	if !strings.Contains(text, "\nExecStart="+want+"\n") {
		t.Errorf("want %s in\n%s", want, text)
	}
	if want := `"/bin/socks ctl" "reload" "--admin=unix:/run/x"`; !strings.Contains(text, "\nExecReload="+want+"\n") {
		t.Errorf("want %s in\n%s", want, text)
	}
	if strings.Contains(text, "{{") {
		t.Error("the template of kardianos/service would read on")
	}
}

// texts returns what is in the elements of a document, by their names.
func texts(t *testing.T, document string) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	decoder, name := xml.NewDecoder(strings.NewReader(document)), ""
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	for {
		token, err := decoder.Token()
		switch token := token.(type) {
		case xml.StartElement:
			name = token.Name.Local
		case xml.EndElement:
			name = ""
		case xml.CharData:
			if name != "" && strings.TrimSpace(string(token)) != "" {
				found[name] = append(found[name], string(token))
			}
		}
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
	}
}

func TestPlist(t *testing.T) {
	text := oddInstallation().plist()
	found := texts(t, text)
	want := []string{"socksctl-forward", "/bin/socks ctl", "forward", "--acl=" + odd, "--admin=unix:/run/x", "/tmp", "Interactive"}
	if !slices.Equal(found["string"], want) {
		t.Errorf("got %q, want %q", found["string"], want)
	}
	keys := []string{"Label", "ProgramArguments", "WorkingDirectory", "RunAtLoad", "KeepAlive", "SuccessfulExit", "ExitTimeOut", "ProcessType"}
	if !slices.Equal(found["key"], keys) || found["integer"][0] != "60" || strings.Contains(text, "{{") {
		t.Errorf("got\n%s", text)
	}
}

func TestTask(t *testing.T) {
	found := texts(t, oddInstallation().task(`HOST\a&b`, `forward "--acl=a <b>"`))
	for name, want := range map[string][]string{
		"UserId": {`HOST\a&b`, `HOST\a&b`}, "Command": {"/bin/socks ctl"}, "Arguments": {`forward "--acl=a <b>"`}, "WorkingDirectory": {"/tmp"},
		"RunLevel": {"LeastPrivilege"}, "ExecutionTimeLimit": {"PT0S"},
	} {
		if !slices.Equal(found[name], want) {
			t.Errorf("%s: got %q, want %q", name, found[name], want)
		}
	}
}

// A rehearsal keeps whole paths, and refuses what would not start or would show a
// secret.
func TestRehearse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths are those of unix")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("SOCKSCTL_SERVER_ADMIN", "")
	t.Setenv("SOCKSCTL_FORWARD_ADMIN", "")
	for name, text := range map[string]string{"rules": "[global]\ndefault_policy = \"allow\"\n", "c.toml": "[server]\nacl = \"rules\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := streams{out: io.Discard, err: io.Discard}
	rehearse := func(args ...string) (*installation, error) {
		var i installation
		return &i, i.rehearse(s, args)
	}
	i, err := rehearse("serve", "--acl", "rules", "--listen", "unix:s/l,127.0.0.1:1", "--audit", "a/log", "--history", "sqlite://"+dir+"/h/db", "--drain-timeout", "5s")
	want := []string{
		"--acl=" + dir + "/rules", "--audit=" + dir + "/a/log", "--drain-timeout=5s", "--history=sqlite://" + dir + "/h/db",
		"--listen=unix:" + dir + "/s/l", "--listen=127.0.0.1:1",
	}
	if err != nil || !slices.Equal(i.args, want) || i.drain != 5*time.Second {
		t.Errorf("got %q, %v, %v, want %q", i.args, i.drain, err, want)
	}
	if want := []string{dir + "/a", dir + "/h", dir + "/s"}; !slices.Equal(i.writes, want) {
		t.Errorf("writes in %q, want %q", i.writes, want)
	}
	t.Setenv("SOCKSCTL_CONFIG", "c.toml")
	if i, err := rehearse("serve"); err != nil || !slices.Equal(i.args, []string{"--config=" + dir + "/c.toml"}) {
		t.Errorf("got %q, %v, want the file that was found", i.args, err)
	}
	for want, args := range map[string][]string{
		"open proxy":         {"serve", "--listen", "0.0.0.0:1080"},
		"server.landlock":    {"serve", "--landlock", "maybe"},
		"unknown flag":       {"serve", "--local", ":1"},
		"takes flags only":   {"serve", "file"},
		"none: no such file": {"serve", "--users", "none"},
		"at least one":       {"forward", "--local", "", "--server", "socks5://h"},
		"--password-file":    {"forward", "--server", "socks5://u:secret@h:1"},
		"PGPASSFILE":         {"serve", "--history", "postgres://u:secret@h/d"},
		"forward takes --se": {"forward"},
	} {
		if _, err := rehearse(args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}
