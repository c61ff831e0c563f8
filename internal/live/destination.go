package live

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/socksctl/socksctl/server"
)

// Destination is where sessions go that are asked about: a name, a name with all
// that is below it, addresses, a port, or one of those with a port. The zero
// Destination is anywhere.
type Destination struct {
	name   string       // in lower case, without a dot at the end
	below  bool         // what is below name, and not that itself
	prefix netip.Prefix // the zero Prefix: none
	port   uint16       // 0: any
}

// ParseDestination reads "example.com", "*.example.com", "192.0.2.1", "10.0.0.0/8",
// ":443", or one of those with a port, as "[2001:db8::1]:53". Nothing is anywhere.
func ParseDestination(s string) (Destination, error) {
	var d Destination
	if s == "" || d.setAddresses(s) {
		return d, nil
	}
	host := s
	if h, p, err := net.SplitHostPort(s); err == nil {
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil || port == 0 {
			return d, fmt.Errorf("destination %q: want a port from 1 to 65535", s)
		}
		host, d.port = h, uint16(port)
	}
	if host == "" || d.setAddresses(host) {
		return d, nil
	}
	if strings.ContainsAny(host, ":/[]") {
		return d, fmt.Errorf("destination %q: want a name, *.name, an address or CIDR, each with :port or not", s)
	}
	d.name, d.below = strings.CutPrefix(plainName(host), "*.")
	if !d.below {
		d.name = plainName(host)
	}
	return d, nil
}

// setAddresses tells whether s is an address, or a CIDR, and d means that now.
func (d *Destination) setAddresses(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.Unmap().WithZone("")
		d.prefix = netip.PrefixFrom(ip, ip.BitLen())
		return true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return false
	}
	d.prefix = prefix.Masked()
	return true
}

// of tells whether s goes there. An association goes to each of its targets.
func (d Destination) of(s *server.Session) bool {
	switch {
	case d == Destination{}:
		return true
	case s.Command == "udp":
		return slices.ContainsFunc(s.Remotes(), func(r server.Remote) bool { return d.match(r.Host, r.Addr.Port(), r.Addr) })
	}
	return d.match(s.Host, s.Port, s.Resolved())
}

// match tells whether d is where a session goes that asked for host, and got to
// resolved or has not got there.
func (d Destination) match(host string, port uint16, resolved netip.AddrPort) bool {
	switch {
	case d.port != 0 && d.port != port:
		return false
	case d.prefix.IsValid():
		asked, _ := netip.ParseAddr(host)
		return d.prefix.Contains(asked.Unmap().WithZone("")) || d.prefix.Contains(resolved.Addr().Unmap().WithZone(""))
	case d.below:
		return strings.HasSuffix(plainName(host), "."+d.name)
	}
	return d.name == "" || d.name == plainName(host)
}

// plainName returns a name as two of the same are equal.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
