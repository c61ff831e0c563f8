package main

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Addresses of a forwarder are what programs reach it by.
func TestLocalProxy(t *testing.T) {
	for local, want := range map[string]string{
		"127.0.0.1:1080": "socks5h://127.0.0.1:1080", ":1080": "socks5h://127.0.0.1:1080", "0.0.0.0:1080": "socks5h://127.0.0.1:1080",
		"[::]:1080": "socks5h://[::1]:1080", "[::1]:9": "socks5h://[::1]:9", "proxy.lan:1080": "socks5h://proxy.lan:1080",
		"unix:/run/f%.sock": "socks5h://localhost/run/f%25.sock",
	} {
		p, err := parseLocal(local)
		if err != nil {
			t.Errorf("%s: %v", local, err)
		}
		if got := p.url("socks5h"); got != want {
			t.Errorf("%s: got %s, want %s", local, got, want)
		}
	}
	for _, local := range []string{"127.0.0.1:0", "127.0.0.1", "1080", ""} {
		if _, err := parseLocal(local); status(err) != exitMisuse {
			t.Errorf("%q: got %v, want misuse", local, err)
		}
	}
}

// The lines are those that the programs take.
func TestEnvLines(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("variables have no small letters there")
	}
	six := localProxy{host: "::1", port: 1080}
	socket := localProxy{path: "/run/f%.sock"}
	for _, tt := range []struct {
		p              localProxy
		program, shell string
		first, last    string
	}{
		{six, "", "sh", "export ALL_PROXY='socks5h://[::1]:1080'", "export no_proxy=localhost,127.0.0.1,::1"},
		{six, "", "fish", "set -gx ALL_PROXY 'socks5h://[::1]:1080'", "set -gx no_proxy localhost,127.0.0.1,::1"},
		{six, "", "powershell", "$Env:ALL_PROXY = 'socks5h://[::1]:1080'", "$Env:no_proxy = 'localhost,127.0.0.1,::1'"},
		{six, "git", "sh", "# for remotes of https; those of ssh take what --for ssh prints", "git config --global http.proxy 'socks5h://[::1]:1080'"},
		{socket, "ssh", "sh", "# in ~/.ssh/config; git takes it too", `    ProxyCommand socksctl connect --server socks5://localhost/run/f%%25.sock "[%h]:%p"`},
		{six, "npm", "sh", "npm config set proxy 'socks5h://[::1]:1080'", "npm config set noproxy localhost,127.0.0.1,::1"},
		{six, "firefox", "sh", "// in user.js of the profile, or by hand in about:config", `user_pref("network.proxy.no_proxies_on", "localhost,127.0.0.1,::1");`},
		{socket, "systemd", "sh", "# systemctl edit NAME.service", `Environment="no_proxy=localhost,127.0.0.1,::1"`},
	} {
		lines, err := tt.p.lines(tt.program, tt.shell)
		if err != nil {
			t.Errorf("%s %s: %v", tt.program, tt.shell, err)
			continue
		}
		if lines[0] != tt.first || lines[len(lines)-1] != tt.last {
			t.Errorf("%s %s: got\n%s\nwant\n%s\n...\n%s", tt.program, tt.shell, strings.Join(lines, "\n"), tt.first, tt.last)
		}
	}
	lines, _ := socket.lines("systemd", "sh")
	if want := `Environment="ALL_PROXY=socks5h://localhost/run/f%%25.sock"`; !slices.Contains(lines, want) {
		t.Errorf("systemd: got %q, want %s", lines, want)
	}
	lines, _ = socket.lines("firefox", "sh")
	if want := `user_pref("network.proxy.socks", "file:///run/f%.sock");`; !slices.Contains(lines, want) {
		t.Errorf("Firefox: got %q, want %s", lines, want)
	}
	for _, tt := range [][2]string{{"emacs", "sh"}, {"", "csh"}, {"npm", "sh"}} {
		if _, err := socket.lines(tt[0], tt[1]); status(err) != exitMisuse {
			t.Errorf("%q: got %v, want misuse", tt, err)
		}
	}
}

// A program gets one proxy, whatever was set before.
func TestWithProxy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("variables have no small letters there")
	}
	got := withProxy([]string{"PATH=/bin", "http_proxy=http://old:3128", "All_Proxy=x", "NO_PROXY=*", "PROXY=kept"}, "socks5h://p:1", "here")
	want := []string{
		"PATH=/bin", "PROXY=kept", "ALL_PROXY=socks5h://p:1", "HTTPS_PROXY=socks5h://p:1", "HTTP_PROXY=socks5h://p:1", "NO_PROXY=here",
		"all_proxy=socks5h://p:1", "https_proxy=socks5h://p:1", "http_proxy=socks5h://p:1", "no_proxy=here",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A word of a shell is one whatever is in it.
func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{"a-b": "a-b", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "[x]": "'[x]'", "$x": "'$x'"} {
		if got := quoted(text, `'\''`); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
