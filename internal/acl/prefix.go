package acl

import (
	"fmt"
	"net/netip"
	"strings"
)

// source is an address or CIDR of clients. What an IPv4 address can be hidden in
// counts for destinations; a client is what it comes from, and only the mapped
// form is one that systems give to IPv4.
type source struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *source) UnmarshalText(b []byte) error {
	if addr, err := netip.ParseAddr(string(b)); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	cidr, err := parseCIDR(string(b))
	if addr := cidr.Addr(); addr.Is4In6() && cidr.Bits() >= before4 {
		cidr = netip.PrefixFrom(addr.Unmap(), cidr.Bits()-before4)
	}
	p.Prefix = cidr
	return err
}

// parsePrefix reads a CIDR, or an address as one of all its bits, as addresses of
// destinations are compared.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, ok := parseLiteral(strings.TrimSuffix(s, ".")); ok && !strings.Contains(s, "%") {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := parseCIDR(s)
	return plainPrefix(p), err
}

func parseCIDR(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is not an address or CIDR", s)
	}
	if p.Masked() != p {
		return p, fmt.Errorf("%q has bits beyond its mask: write %s", s, p.Masked())
	}
	return p, nil
}

// before4 is how many bits come before an IPv4 address in an IPv6 one.
const before4 = 96

// plainPrefix returns p as the addresses in it are compared.
func plainPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4() || p.Bits() < before4 {
		return p
	}
	if addr := plainAddr(p.Addr()); addr.Is4() {
		return netip.PrefixFrom(addr, p.Bits()-before4)
	}
	if p.Addr().IsUnspecified() && p.Bits() < 127 { // :: and ::1 hold no IPv4 address, and the others do
		return netip.PrefixFrom(netip.IPv4Unspecified(), p.Bits()-before4)
	}
	return p
}
