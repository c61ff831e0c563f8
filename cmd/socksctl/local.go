package main

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/internal/socks5"
)

// localProxy is a forwarder on this host, as programs reach it.
type localProxy struct {
	host string
	port uint16
	path string // of its socket, in place of host and port
}

// localSettings says where the forwarder of this user listens.
func localSettings() []setting {
	for _, s := range forwardSettings() {
		if s.key == "forward.local" {
			s.usage = "where the forwarder listens, as forward has it"
			return []setting{s}
		}
	}
	return nil
}

// readLocal returns the forwarder that the flags, the environment and the
// configuration name: the first that is not a unix socket, which few programs know.
func readLocal(flags *pflag.FlagSet) (localProxy, error) {
	l, err := load(flags, localSettings())
	if err != nil {
		return localProxy{}, err
	}
	var first localProxy
	for i, address := range l.Forward.Local {
		p, err := parseLocal(address)
		if err != nil || p.path == "" {
			return p, err
		}
		if i == 0 {
			first = p
		}
	}
	if first.path == "" {
		return first, misuse("--local names no address")
	}
	return first, nil
}

// parseLocal reads an address as forward takes it.
func parseLocal(address string) (localProxy, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return localProxy{path: path}, nil
	}
	a, err := socks5.ParseAddr(address)
	if err != nil {
		return localProxy{}, misuse("--local: %w", err)
	}
	if a.Port == 0 {
		return localProxy{}, misuse("--local: port 0 is whichever is free: give the one that forward says it listens on")
	}
	host := cmp.Or(a.Host(), "127.0.0.1")
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = map[bool]string{true: "127.0.0.1", false: "::1"}[ip.Is4()]
	}
	return localProxy{host: host, port: a.Port}, nil
}

// url returns the proxy as programs take it. The h of socks5h has names travel to
// the proxy, where others look them up on this host first.
func (p localProxy) url(scheme string) string {
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(p.host, strconv.Itoa(int(p.port)))}
	if p.path != "" {
		u.Host, u.Path = "localhost", "/"+strings.TrimPrefix(p.path, "/")
	}
	return u.String()
}

// dial returns what a net.Dialer takes to reach it.
func (p localProxy) dial() (network, address string) {
	if p.path != "" {
		return "unix", p.path
	}
	return "tcp", net.JoinHostPort(p.host, strconv.Itoa(int(p.port)))
}
