package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// The ports that a URL without one means.
const (
	defaultPort    = "1080"
	defaultTLSPort = "1443"
)

// schemes returns every URL scheme that means a SOCKS5 proxy, and whether it
// means TLS. The h of socks5h makes no difference: names are always looked up
// by the proxy.
func schemes() map[string]bool {
	return map[string]bool{
		"socks5": false, "socks5h": false,
		"socks5+tls": true, "socks5s": true, "sockss": true, "socks5-tls": true,
	}
}

// ParseURL returns a Dialer for the proxy that raw names:
// scheme://[user[:password]@]host[:port]. The schemes socks5 and socks5h are
// without TLS, default port 1080; socks5+tls, socks5s, sockss and socks5-tls
// are with TLS, default port 1443. A path after the host localhost, or after
// none, is that of a unix socket.
//
// Its errors name the part that is wrong and never quote it, for a URL that is
// taken apart wrongly has the password anywhere.
func ParseURL(raw string) (*Dialer, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("proxy URL has no scheme: want socks5://host or socks5+tls://host")
	}
	withTLS, ok := schemes()[strings.ToLower(scheme)]
	if !ok {
		return nil, errors.New("proxy URL has an unknown scheme: want socks5, socks5h, socks5+tls, socks5s, sockss or socks5-tls")
	}
	if strings.ContainsAny(rest, "?#") {
		return nil, errors.New("proxy URL has a query or a fragment; in a user name or password write ? as %3F and # as %23")
	}
	authority, path, _ := strings.Cut(rest, "/")
	d := &Dialer{}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := d.parseUser(authority[:at]); err != nil {
			return nil, err
		}
		authority = authority[at+1:]
	}
	if withTLS {
		d.TLS = &tls.Config{}
	}
	if path != "" {
		return d, d.parsePath(authority, path)
	}
	return d, d.parseHost(authority)
}

// parseUser reads the part before the @.
func (d *Dialer) parseUser(info string) error {
	name, password, hasPassword := strings.Cut(info, ":")
	var nameErr, passwordErr error
	d.User, nameErr = url.PathUnescape(name)
	d.Password, passwordErr = url.PathUnescape(password)
	switch {
	case nameErr != nil:
		return errors.New("user name in proxy URL is not percent-encoded")
	case passwordErr != nil:
		return errors.New("password in proxy URL is not percent-encoded")
	case d.User == "" && hasPassword:
		return errors.New("proxy URL has a password and no user name")
	}
	return d.checkLogin()
}

// checkLogin tells whether RFC 1929 can carry the name and password. An empty
// password is for the login to refuse: it may come later, from a file.
func (d *Dialer) checkLogin() error {
	switch {
	case len(d.User) > 255:
		return errors.New("user name is longer than 255 bytes")
	case len(d.Password) > 255:
		return errors.New("password is longer than 255 bytes")
	}
	return nil
}

// parsePath reads a URL of a unix socket, as curl writes it.
func (d *Dialer) parsePath(host, path string) error {
	if host != "" && host != "localhost" {
		return errors.New("proxy URL has a path, which only a unix socket has, at the host localhost")
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return errors.New("path in proxy URL is not percent-encoded")
	}
	d.Network, d.Address = "unix", "/"+path
	return nil
}

// parseHost reads host and port.
func (d *Dialer) parseHost(authority string) error {
	u, err := url.Parse("//" + authority)
	if err != nil || u.Host != authority && u.Hostname() == "" {
		return errors.New("host or port of proxy URL is malformed: want host, host:port or [IPv6]:port")
	}
	if u.Hostname() == "" {
		return errors.New("proxy URL has no host")
	}
	port := u.Port()
	if port == "" {
		port = d.defaultPort()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("port of proxy URL is not a number from 1 to 65535")
	}
	d.Address = net.JoinHostPort(u.Hostname(), port)
	return nil
}

func (d *Dialer) defaultPort() string {
	if d.TLS != nil {
		return defaultTLSPort
	}
	return defaultPort
}

// URL returns the URL of the proxy without the password. ParseURL takes it.
func (d *Dialer) URL() string {
	u := url.URL{Scheme: "socks5", Host: d.Address}
	if d.TLS != nil {
		u.Scheme = "socks5+tls"
	}
	if d.Network == "unix" {
		u.Host, u.Path = "localhost", d.Address
	}
	if d.User != "" {
		u.User = url.User(d.User)
	}
	return u.String()
}

// String is [Dialer.URL], so that a Dialer that is printed keeps its password.
func (d *Dialer) String() string { return d.URL() }

// Format keeps the password out of %v, %+v and %#v alike.
func (d *Dialer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.URL())) }
