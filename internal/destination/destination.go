// Package destination says where sessions go that are asked about, in the words
// that every command takes: live ones and those that were written down alike.
package destination

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Pattern is a name, all names below one, addresses, a port, or one of those with
// a port. The zero Pattern is anywhere.
type Pattern struct {
	Name   string       // in lower case, without a dot at the end
	Below  bool         // what is below Name, and not that itself
	Prefix netip.Prefix // the zero Prefix: none
	Port   uint16       // 0: any
}

// Parse reads "example.com", "*.example.com", "192.0.2.1", "10.0.0.0/8", ":443", or
// one of those with a port, as "[2001:db8::1]:53". Nothing is anywhere.
func Parse(s string) (Pattern, error) {
	var p Pattern
	if s == "" || p.setAddresses(s) {
		return p, nil
	}
	host := s
	if h, port, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return p, fmt.Errorf("destination %q: want a port from 1 to 65535", s)
		}
		host, p.Port = h, uint16(n)
	}
	if host == "" || p.setAddresses(host) {
		return p, nil
	}
	host, p.Below = strings.CutPrefix(host, "*.")
	if p.Name = Plain(host); p.Name == "" || strings.ContainsAny(host, ":/[]*") {
		return p, fmt.Errorf("destination %q: want a name, *.name, an address or CIDR, each with :port or not, or :port", s)
	}
	return p, nil
}

// setAddresses tells whether s is an address, or a CIDR, and p means that now.
func (p *Pattern) setAddresses(s string) bool {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = plainAddr(ip)
		p.Prefix = netip.PrefixFrom(ip, ip.BitLen())
		return true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return false
	}
	p.Prefix = prefix.Masked()
	return true
}

// Match tells whether p is where a session goes that asked for host and port, and
// got to resolved or has not got there. An address has the port beside it.
func (p Pattern) Match(host string, port uint16, resolved netip.AddrPort) bool {
	asked := p.Port == 0 || p.Port == port
	ip, err := netip.ParseAddr(host)
	switch {
	case p.Prefix.IsValid():
		return asked && p.Prefix.Contains(plainAddr(ip)) ||
			(p.Port == 0 || p.Port == resolved.Port()) && p.Prefix.Contains(plainAddr(resolved.Addr()))
	case p.Name == "":
		return asked
	case err == nil: // an address has no name, and is below none
		return false
	case p.Below:
		return asked && strings.HasSuffix(Plain(host), "."+p.Name)
	}
	return asked && Plain(host) == p.Name
}

// plainAddr returns an address as two of the same are equal.
func plainAddr(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// Plain returns a name as two of the same are equal.
func Plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
