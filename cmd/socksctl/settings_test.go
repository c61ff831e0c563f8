package main

import (
	"bytes"
	"encoding"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/config"
)

// TestSettingsAreTheFile holds that what a file may say and what flags and
// variables are bound to is the same.
func TestSettingsAreTheFile(t *testing.T) {
	var got []string
	for _, s := range allSettings() {
		got = append(got, s.key)
	}
	want := leaves("", reflect.TypeFor[config.Config]())
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-file +settings:\n%s", diff)
	}
}

// leaves returns the keys below prefix that a file may set in a t.
func leaves(prefix string, t reflect.Type) []string {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return []string{prefix}
	}
	var keys []string
	for field := range t.Fields() {
		keys = append(keys, leaves(strings.TrimPrefix(prefix+"."+field.Tag.Get("toml"), "."), field.Type)...)
	}
	return keys
}

// TestPrecedenceOfEachKind takes one layer away after the other, for each kind
// of value that a leaf may have: flag, environment, file, default. Each layer
// is what is written there, and what comes of it.
func TestPrecedenceOfEachKind(t *testing.T) {
	for key, layers := range map[string][4]struct{ written, want string }{
		"server.listen":                   {{"a:1,a:2", "[a:1 a:2]"}, {"b:1,b:2", "[b:1 b:2]"}, {`["c:1"]`, "[c:1]"}, {"", "[]"}},
		"server.admin":                    {{"unix:a,b:1", "[unix:a b:1]"}, {"off", "[off]"}, {`"c:1"`, "[c:1]"}, {"", "[]"}},
		"forward.admin":                   {{"unix:a", "[unix:a]"}, {"a:1,b:2", "[a:1 b:2]"}, {`["c:1", "unix:d"]`, "[c:1 unix:d]"}, {"", "[]"}},
		"server.users":                    {{"a", "a"}, {"b", "b"}, {`"c"`, "c"}, {"", ""}},
		"server.udp_roaming":              {{"true", "true"}, {"false", "false"}, {"true", "true"}, {"", "false"}},
		"server.limits.max_handshakes":    {{"1", "1"}, {"2", "2"}, {"3", "3"}, {"", "1024"}},
		"server.limits.idle_timeout":      {{"1m", "1m0s"}, {"2s", "2s"}, {`"3h"`, "3h0m0s"}, {"", "0s"}},
		"server.port_range":               {{"1-2", "1-2"}, {"3-4", "3-4"}, {`"5-6"`, "5-6"}, {"", ""}},
		"server.commands":                 {{"connect", "{1}"}, {"bind,udp", "{6}"}, {`"udp"`, "{4}"}, {"", "{7}"}},
		"server.tls.min_protocol_version": {{"TLS12", "{771}"}, {"1.3", "{772}"}, {`"TLS12"`, "{771}"}, {"", "{771}"}},
		"server.tls.client_auth":          {{"none", "none"}, {"request", "request"}, {`"require"`, "require"}, {"", ""}},
		"server.tls.cert_identity":        {{"uri", "uri"}, {"email", "email"}, {`"dns"`, "dns"}, {"", "cn"}},
		"server.tls.enabled":              {{"", ""}, {"true", "true"}, {"false", "false"}, {"", "<nil>"}},
		"server.proxy_protocol":           {{"10.0.0.0/8,::1", "[10.0.0.0/8 ::1/128]"}, {"192.0.2.9/24", "[192.0.2.0/24]"}, {`["127.0.0.1"]`, "[127.0.0.1/32]"}, {"", "[]"}},
		"forward.balance":                 {{"round-robin", "round-robin"}, {"latency", "latency"}, {`"round-robin"`, "round-robin"}, {"", "failover"}},
		"forward.udp":                     {{"plain", "plain"}, {"off", "off"}, {`"plain"`, "plain"}, {"", "tls"}},
		"log.level":                       {{"debug", "DEBUG"}, {"warn", "WARN"}, {`"error"`, "ERROR"}, {"", "INFO"}},
		"log.format":                      {{"json", "json"}, {"text", "text"}, {`"json"`, "json"}, {"", "text"}},
	} {
		t.Run(key, func(t *testing.T) {
			s := settingOf(t, key)
			dot := strings.LastIndexByte(key, '.')
			file := "[" + key[:dot] + "]\n" + key[dot+1:] + " = " + layers[2].written
			args := []string{"--" + s.flag + "=" + layers[0].written}
			t.Setenv(s.env(), layers[1].written)
			if s.flag != "" {
				expectValue(t, "flag", key, layers[0].want, file, args...)
			}
			expectValue(t, "environment", key, layers[1].want, file)
			t.Setenv(s.env(), "")
			expectValue(t, "file", key, layers[2].want, file)
			expectValue(t, "default", key, layers[3].want, "")
		})
	}
}

// expectValue loads file and args, and compares the leaf that key names.
func expectValue(t *testing.T, layer, key, want, file string, args ...string) {
	t.Helper()
	l, err := loadWith(t, "a.toml", file, args...)
	if err != nil {
		t.Errorf("%s: %v", layer, err)
		return
	}
	if got := leaf(reflect.ValueOf(l.Config), key); got != want {
		t.Errorf("%s: got %q, want %q", layer, got, want)
	}
}

// leaf returns what is in v under key, as text.
func leaf(v reflect.Value, key string) string {
	first, rest, below := strings.Cut(key, ".")
	v = reflect.Indirect(v)
	for field, value := range v.Fields() {
		switch {
		case field.Tag.Get("toml") != first:
		case below:
			return leaf(value, rest)
		case value.Kind() == reflect.Pointer && !value.IsNil():
			return fmt.Sprint(value.Elem())
		default:
			return fmt.Sprint(value)
		}
	}
	return "no such leaf"
}

// TestBadConfigurationIsNamed holds the exit status, and what the user is told.
func TestBadConfigurationIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ file, text, env, value, want string }{
		"unknown key, TOML": {"a.toml", "[server]\n\nlitsen = []", "", "", "a.toml: line 3: unknown key server.litsen"},
		"unknown key, YAML": {"a.yaml", "server:\n  tls:\n    pin: x", "", "", "a.yaml: line 3: unknown key server.tls.pin"},
		"unknown key, JSON": {"a.json", "{\n\"sever\": 1}", "", "", "a.json: line 2: unknown key sever"},
		"value in a file":   {"a.toml", "[log]\nlevel = \"loud\"", "", "", "a.toml: line 2: log.level: "},
		"duration":          {"a.toml", "", "SOCKSCTL_SERVER_LIMITS_IDLE_TIMEOUT", "soon", "environment SOCKSCTL_SERVER_LIMITS_IDLE_TIMEOUT"},
		"number":            {"a.toml", "", "SOCKSCTL_SERVER_LIMITS_MAX_CONNS", "-1", "environment SOCKSCTL_SERVER_LIMITS_MAX_CONNS"},
		"boolean":           {"a.toml", "", "SOCKSCTL_SERVER_TLS_ENABLED", "perhaps", "environment SOCKSCTL_SERVER_TLS_ENABLED"},
		"network":           {"a.toml", "", "SOCKSCTL_SERVER_PROXY_PROTOCOL", "10.0.0.0/8,::ffff:10.0.0.0/104", "environment SOCKSCTL_SERVER_PROXY_PROTOCOL"},
		"TLS version":       {"a.toml", "", "SOCKSCTL_SERVER_TLS_MIN_PROTOCOL_VERSION", "SSL3", "environment SOCKSCTL_SERVER_TLS_MIN_PROTOCOL_VERSION"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			write(t, file, []byte(c.text))
			if c.env != "" {
				t.Setenv(c.env, c.value)
			}
			for _, command := range [][]string{{"config", "print"}, {"config", "check"}, {"serve", "--listen", "nowhere:-1"}} {
				var out, errOut bytes.Buffer
				got := run(append(command, "--config", file), strings.NewReader(""), &out, &errOut)
				if got != exitConfiguration || !strings.Contains(errOut.String(), c.want) || out.Len() > 0 {
					t.Errorf("%s: got status %d, %q and %q, want %d and %q", command, got, &out, &errOut, exitConfiguration, c.want)
				}
			}
		})
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestListsOfURLs holds a comma in a password to part nothing.
func TestListsOfURLs(t *testing.T) {
	for text, want := range map[string][]string{
		"a:1,b:2":                               {"a:1", "b:2"},
		"socks5://alice:a,b@x":                  {"socks5://alice:a,b@x"},
		"socks5://alice:a,b,c@x,socks5+tls://y": {"socks5://alice:a,b,c@x", "socks5+tls://y"},
		"a,socks5://y":                          {"a", "socks5://y"},
	} {
		if got := splitList(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, url := range []string{"socks5://alice:a,b@x", `socks5://alice:a"b@x`, "socks5://alice:a]b@x"} {
		l, err := loadWith(t, "config.toml", "", "--server", url, "--server", "socks5://y")
		if err != nil || !slices.Equal(l.Forward.Server, []string{url, "socks5://y"}) {
			t.Errorf("--server %s: got %q and %v", url, l.Forward.Server, err)
		}
	}
}
