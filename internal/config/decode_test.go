package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/server"
)

func TestDecodeError(t *testing.T) {
	cases := []struct{ file, text, want string }{
		{"a.toml", "[server]\nlisten=[\"x\"]\nfoo=1", "a.toml: line 3: unknown key server.foo"},
		{"a.toml", "[server.tls]\nbar=2", "a.toml: line 2: unknown key server.tls.bar"},
		{"a.toml", "[server]\nlisten=3", "a.toml: line 2: server.listen: "},
		{"a.toml", "[server]\ncommands=\"connect,x\"", "a.toml: line 2: server.commands: "},
		{"a.toml", "[server]\nport_range=\"9-1\"", "a.toml: line 2: server.port_range: "},
		{"a.toml", "[server.tls]\n\nmin_protocol_version=\"TLS11\"", "a.toml: line 3: server.tls.min_protocol_version: "},
		{"a.toml", "[server.tls]\nmin_protocol_version=13", "a.toml: line 2: server.tls.min_protocol_version: "},
		{"a.toml", "[server.limits]\nmax_conns=-1", "a.toml: line 2: server.limits.max_conns: "},
		{"a.toml", "[server.limits]\nbind_timeout=300", "a.toml: line 2: server.limits.bind_timeout: "},
		{"a.toml", "[server.limits]\nbind_timeout=\"-3s\"", "a.toml: line 2: server.limits.bind_timeout: "},
		{"a.toml", "[server.limits.per_user]\nbandwidth=\"3 parsecs\"", "a.toml: line 2: server.limits.per_user.bandwidth: "},
		{"a.toml", "[log]\nlevel=\"loud\"", "a.toml: line 2: log.level: "},
		{"a.toml", "[server]\nadmin=\"x\"", "a.toml: line 2: server.admin: "},
		{"a.yaml", "forward:\n  admin: 'unix:a,x'", "a.yaml: line 2: forward.admin: "},
		{"a.toml", "[server", "a.toml: line 1: "},
		{"a.yaml", "server:\n  foo: 1", "a.yaml: line 2: unknown key server.foo"},
		{"a.yaml", "server:\n  port_range: x", "a.yaml: line 2: server.port_range: "},
		{"a.yml", "server:\n  listen: {a: 1}", "a.yml: line 2: "},
		{"a.json", "{\"server\":\n{\"limits\":{\"max_conns\":-1}}}", "a.json: line 2: server.limits.max_conns: "},
		{"a.json", "{\"server\":\n{\"listen\":[\"127.0.0.1:0\"]},}", "a.json: line 2: invalid character '}'"},
		{"a.toml", "[server]\nproxy_protocol = ['::1', 3] # three", "a.toml: line 2: server.proxy_protocol: \"3\" is neither"},
		{"a.ini", "", "a.ini: the ending is none of "},
	}
	for _, c := range cases {
		_, err := config.Decode(c.file, []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %q: got %v, want %s...", c.file, c.text, err, c.want)
		}
	}
}

func TestDecodeFormats(t *testing.T) {
	for file, text := range map[string]string{
		"a.toml": "[server]\nlisten=[\"a:1\"]\nport_range=\"1-9\"\ncommands=\"udp\"\n[server.tls]\nenabled=true\n[server.limits]\nmax_conns=4\nbind_timeout=\"3s\"",
		"a.yaml": "server:\n  listen: ['a:1']\n  port_range: 1-9\n  commands: udp\n  tls: {enabled: true}\n  limits: {max_conns: 4, bind_timeout: 3s}",
		"a.json": `{"server":{"listen":["a:1"],"port_range":"1-9","commands":"udp","tls":{"enabled":true},"limits":{"max_conns":4,"bind_timeout":"3s"}}}`,
	} {
		c, err := config.Decode(file, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		s := c.Server
		if len(s.Listen) != 1 || s.PortRange.PortRange != (server.PortRange{First: 1, Last: 9}) || s.Commands.Set != server.CommandUDP ||
			!s.TLS.On() || s.Limits.MaxConns != 4 || s.Limits.Bind.Duration != 3*time.Second {
			t.Errorf("%s: got %+v", file, s)
		}
	}
}

// Where a service is talked to is one place or several.
func TestDecodePlaces(t *testing.T) {
	for file, places := range map[string][]string{
		"a.toml": {`"unix:a"`, `["unix:a", "b:1"]`, `"unix:a,b:1"`}, "a.yaml": {"unix:a", "['unix:a', 'b:1']", "unix:a,b:1"},
	} {
		for i, text := range places {
			c, err := config.Decode(file, []byte(map[string]string{"a.toml": "[server]\nadmin = ", "a.yaml": "server:\n  admin: "}[file]+text))
			if err != nil {
				t.Errorf("%s %s: %v", file, text, err)
				continue
			}
			want := config.Places{"unix:a", "b:1"}[:min(i+1, 2)]
			if !slices.Equal(c.Server.Admin, want) {
				t.Errorf("%s %s: got %q, want %q", file, text, c.Server.Admin, want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a.toml", []byte("[server]\nlisten=[\"a:1\"]\n[server.limits]\nbind_timeout=\"3s\""))
	f.Add("a.yaml", []byte("server:\n  tls: {enabled: true}"))
	f.Add("a.json", []byte(`{"log":{"level":"info"}}`))
	f.Fuzz(func(t *testing.T, file string, data []byte) {
		c, err := config.Decode(file, data)
		if (c == nil) == (err == nil) {
			t.Errorf("got %v and %v", c, err)
		}
	})
}
