package main

import (
	"fmt"
	"strings"
)

// linesFor returns the lines of the configuration of a program.
func (p localProxy) linesFor(program string) ([]string, error) {
	switch program {
	case "git":
		return []string{
			"# for remotes of https; those of ssh take what --for ssh prints",
			"git config --global http.proxy " + quoted(p.url("socks5h"), `'\''`),
		}, nil
	case "ssh":
		return []string{
			"# in ~/.ssh/config; git takes it too",
			"Host *",
			fmt.Sprintf("    ProxyCommand socksctl connect --server %s \"[%%h]:%%p\"", strings.ReplaceAll(p.url("socks5"), "%", "%%")),
		}, nil
	case "npm":
		if p.path != "" {
			return nil, misuse("npm knows no proxy on a unix socket: have forward listen on a --local HOST:PORT too")
		}
		url := quoted(p.url("socks5h"), `'\''`)
		return []string{"npm config set proxy " + url, "npm config set https-proxy " + url, "npm config set noproxy " + direct}, nil
	case "firefox":
		return p.firefox(), nil
	case "systemd":
		return p.systemd(), nil
	}
	return nil, misuse("--for: %q is none of git, ssh, npm, firefox, systemd", program)
}

// firefox returns preferences. The name of the one for names changed with Firefox 128.
func (p localProxy) firefox() []string {
	host, port := p.host, int(p.port)
	if p.path != "" {
		host, port = "file://"+p.path, 0
	}
	lines := []string{"// in user.js of the profile, or by hand in about:config"}
	for _, pref := range []struct {
		name  string
		value any
	}{
		{"type", 1}, {"socks", host}, {"socks_port", port}, {"socks_version", 5},
		{"socks_remote_dns", true}, {"socks5_remote_dns", true}, {"no_proxies_on", direct},
	} {
		lines = append(lines, fmt.Sprintf("user_pref(%q, %#v);", "network.proxy."+pref.name, pref.value))
	}
	return lines
}

// systemd returns a drop-in, in which % begins a specifier.
func (p localProxy) systemd() []string {
	lines := []string{"# systemctl edit NAME.service", "[Service]"}
	for _, v := range proxyVariables(p.url("socks5h"), direct) {
		lines = append(lines, fmt.Sprintf("Environment=\"%s=%s\"", v.name, strings.ReplaceAll(v.value, "%", "%%")))
	}
	return lines
}
