package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/internal/config"
)

// loadWith reads file, whose ending says what it is written in, with the command
// line args, as serve and forward do.
func loadWith(t *testing.T, name, file string, args ...string) (*loaded, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	register(flags, slices.DeleteFunc(allSettings(), sharedFlag()))
	if err := flags.Parse(append(args, "--config", path)); err != nil {
		t.Fatal(err)
	}
	return load(flags, allSettings())
}

// sharedFlag tells of all but the first setting of a flag, and of a setting
// without one.
func sharedFlag() func(setting) bool {
	seen := map[string]bool{"": true}
	return func(s setting) bool {
		defer func() { seen[s.flag] = true }()
		return seen[s.flag]
	}
}

// TestPrecedence takes one layer away after the other.
func TestPrecedence(t *testing.T) {
	const file = "[server.limits]\nbind_timeout = \"3s\"\n[server.tls]\nenabled = false\n"
	cases := []struct {
		name, file, env string
		args            []string
		want            time.Duration
		source          string
	}{
		{"flag", file, "2s", []string{"--bind-timeout", "1s"}, time.Second, "flag --bind-timeout"},
		{"environment", file, "2s", nil, 2 * time.Second, "environment SOCKSCTL_SERVER_LIMITS_BIND_TIMEOUT"},
		{"file", file, "", nil, 3 * time.Second, "file "},
		{"default", "", "", nil, 300 * time.Second, "default"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SOCKSCTL_SERVER_LIMITS_BIND_TIMEOUT", c.env)
			t.Setenv("SOCKSCTL_SERVER", "x") // the name of a table: it must hide nothing
			l, err := loadWith(t, "a.toml", c.file, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Config.Server.Limits.Bind.Duration; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if got := l.source(settingOf(t, "server.limits.bind_timeout")); !strings.HasPrefix(got, c.source) {
				t.Errorf("got source %q, want %q", got, c.source)
			}
		})
	}
}

func settingOf(t *testing.T, key string) setting {
	t.Helper()
	for _, s := range allSettings() {
		if s.key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return setting{}
}

// TestEveryKeyIsBound sets each key there is, by its variable, to what cannot be
// meant, and expects an error that names the variable, or the value in force.
func TestEveryKeyIsBound(t *testing.T) {
	for _, s := range allSettings() {
		t.Run(s.key, func(t *testing.T) {
			t.Setenv(s.env(), "bogus")
			l, err := loadWith(t, "a.toml", "")
			if err != nil {
				if !strings.Contains(err.Error(), s.env()) || status(err) != exitConfiguration {
					t.Errorf("got %v with status %d, want an error that names %s", err, status(err), s.env())
				}
				return
			}
			if got := l.merged.GetString(s.key); got != "bogus" {
				t.Errorf("got %q, want the variable's value", got)
			}
		})
	}
}

// TestFileFormats holds that the three formats mean the same.
func TestFileFormats(t *testing.T) {
	for name, file := range map[string]string{
		"a.toml": "[server]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[forward]\nudp = \"off\"\n",
		"a.yaml": "server:\n  listen: ['127.0.0.1:1', '127.0.0.1:2']\nforward: {udp: 'off'}\n",
		"a.json": `{"server":{"listen":["127.0.0.1:1","127.0.0.1:2"]},"forward":{"udp":"off"}}`,
	} {
		l, err := loadWith(t, name, file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(l.Config.Server.Listen, " "); got != "127.0.0.1:1 127.0.0.1:2" {
			t.Errorf("%s: got listen %q", name, got)
		}
		if got := l.Config.Forward.UDP.String(); got != "off" {
			t.Errorf("%s: got udp %q", name, got)
		}
	}
}

// TestPrintHidesPasswords holds it for each place that a URL may come from.
func TestPrintHidesPasswords(t *testing.T) {
	const url = "socks5+tls://me:hunter2@proxy.example.com"
	for name, prepare := range map[string]func(t *testing.T) (*loaded, error){
		"flag": func(t *testing.T) (*loaded, error) { return loadWith(t, "a.toml", "", "--server", url) },
		"environment": func(t *testing.T) (*loaded, error) {
			t.Setenv("SOCKSCTL_FORWARD_SERVER", url+","+url)
			return loadWith(t, "a.toml", "")
		},
		"file": func(t *testing.T) (*loaded, error) {
			return loadWith(t, "a.toml", "[forward]\nserver = [\""+url+"\"]\n")
		},
	} {
		for _, asJSON := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l, err := prepare(t)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if err := printConfig(&out, l, asJSON); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "socks5+tls://me@proxy.example.com:1443") {
					t.Errorf("got %s", &out)
				}
			})
		}
	}
}

// TestExampleUncommented holds every line of the example to be one that a file
// may have.
func TestExampleUncommented(t *testing.T) {
	var example bytes.Buffer
	if err := writeExample(&example); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`)
	if got, want := len(line.FindAllString(example.String(), -1)), len(allSettings()); got != want {
		t.Errorf("got %d keys, want %d", got, want)
	}
	all := line.ReplaceAllString(example.String(), "$1")
	if _, err := config.Decode("example.toml", []byte(all)); err != nil {
		t.Errorf("%v in\n%s", err, all)
	}
}

// Notepad and PowerShell put a mark before what they write.
func TestConfigWithMark(t *testing.T) {
	for name, text := range map[string]string{
		"config.toml": "[server]\nlisten = [\":1080\"]\n",
		"config.yaml": "server:\n  listen: [\":1080\"]\n",
		"config.json": `{"server": {"listen": [":1080"]}}`,
	} {
		l, err := loadWith(t, name, "\xef\xbb\xbf"+text)
		if err != nil || !slices.Equal(l.Server.Listen, []string{":1080"}) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
