package client_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/client"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		raw, url, network, address, user, password string
		tls                                        bool
	}{
		{"socks5://h", "socks5://h:1080", "", "h:1080", "", "", false},
		{"SOCKS5H://h:1", "socks5://h:1", "", "h:1", "", "", false},
		{"socks5+tls://h/", "socks5+tls://h:1443", "", "h:1443", "", "", true},
		{"socks5s://[::1]", "socks5+tls://[::1]:1443", "", "[::1]:1443", "", "", true},
		{"sockss://[::1]:2", "socks5+tls://[::1]:2", "", "[::1]:2", "", "", true},
		{"socks5-tls://al%40x:p%3Aw%2F@h", "socks5+tls://al%40x@h:1443", "", "h:1443", "al@x", "p:w/", true},
		{"socks5://u@h", "socks5://u@h:1080", "", "h:1080", "u", "", false},
		{"socks5h://localhost/run/s.sock", "socks5://localhost/run/s.sock", "unix", "/run/s.sock", "", "", false},
		{"socks5+tls://u:p@localhost/s", "socks5+tls://u@localhost/s", "unix", "/s", "u", "p", true},
	}
	for _, test := range tests {
		d, err := client.ParseURL(test.raw)
		if err != nil {
			t.Errorf("%s: %v", test.raw, err)
			continue
		}
		if d.Network != test.network || d.Address != test.address || d.User != test.user ||
			d.Password != test.password || (d.TLS != nil) != test.tls {
			t.Errorf("%s: got %q %q %q %q TLS %v", test.raw, d.Network, d.Address, d.User, d.Password, d.TLS != nil)
		}
		if got := d.URL(); got != test.url {
			t.Errorf("%s: got URL %s, want %s", test.raw, got, test.url)
		}
		again, err := client.ParseURL(d.URL())
		if err != nil || again.URL() != test.url {
			t.Errorf("%s: its URL does not parse to itself: %v", test.raw, err)
		}
	}
}

// No error, and no way to print a Dialer, shows a password.
func TestURLErrorsKeepThePassword(t *testing.T) {
	for raw, part := range map[string]string{
		"u:secret@h:1080":                                   "scheme",
		"http://u:secret@h":                                 "scheme",
		"socks5://u:secret%zz@h":                            "password",
		"socks5://u%zz:secret@h":                            "user name",
		"socks5://:secret@h":                                "user name",
		"socks5://u:sec/secret@h":                           "path",
		"socks5://u:sec#secret@h":                           "fragment",
		"socks5://u:secret@h:99999":                         "port",
		"socks5://u:secret@h:0":                             "port",
		"socks5://u:secret@h:http":                          "port",
		"socks5://u:secret@":                                "host",
		"socks5://u:secret@[::1":                            "host",
		"socks5://u:secret@h/path":                          "path",
		"socks5://u:secret@localhost/%zz":                   "path",
		"socks5://u:" + strings.Repeat("secret", 50) + "@h": "password",
	} {
		_, err := client.ParseURL(raw)
		if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: got %v, want an error of the %s without the password", raw, err, part)
		}
	}
	d, err := client.ParseURL("socks5://u:secret@h")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, d); strings.Contains(got, "secret") {
			t.Errorf("%s prints the password: %s", verb, got)
		}
	}
}

func TestRegisterSchemesTLS(t *testing.T) {
	client.RegisterSchemes()
	for _, scheme := range []string{"socks5+tls", "socks5s", "sockss", "socks5-tls"} {
		u, err := url.Parse(scheme + "://u:p@h")
		if err != nil {
			t.Fatal(err)
		}
		got, err := proxy.FromURL(u, proxy.Direct)
		if err != nil {
			t.Fatal(err)
		}
		d, ok := got.(*client.Dialer)
		if !ok || d.Address != "h:1443" || d.TLS == nil || d.Password != "p" || d.Forward != proxy.Dialer(proxy.Direct) {
			t.Errorf("%s: got %T %v", scheme, got, got)
		}
	}
}
