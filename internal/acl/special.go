package acl

import "net/netip"

// special is a range of addresses that no wildcard and no default lets through.
type special struct {
	prefix netip.Prefix
	what   string
}

const (
	metadata = "metadata address"
	tunnel   = "tunnel address"
)

// specials returns the ranges, those within others first.
func specials() []special {
	var all []special
	for _, s := range []struct {
		what     string
		prefixes []string
	}{
		{metadata, []string{"169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128"}},
		{"loopback address", []string{"127.0.0.0/8", "::1/128"}},
		{"link-local address", []string{"169.254.0.0/16", "fe80::/10"}},
		{"private address", []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"}},
		{"shared address", []string{"100.64.0.0/10"}},
		{"multicast address", []string{"224.0.0.0/4", "ff00::/8"}},
		{"reserved address", []string{"0.0.0.0/8", "192.0.0.0/24", "240.0.0.0/4", "::/128"}},
		// 6to4 (RFC 3056) and Teredo (RFC 4380): whom they lead to, an IPv4 address
		// in them says, of the private kinds as well, and nobody needs them.
		{tunnel, []string{"2002::/16", "2001::/32"}},
	} {
		for _, p := range s.prefixes {
			all = append(all, special{netip.MustParsePrefix(p), s.what})
		}
	}
	return all
}

// specialOf returns the narrowest range that addr is in, and nil for an address
// like any other.
func (r *Rules) specialOf(addr netip.Addr, allowPrivate bool) *special {
	for i := range r.specials {
		s := &r.specials[i]
		if s.prefix.Contains(addr) {
			if allowPrivate && s.what != metadata && s.what != tunnel {
				return nil
			}
			return s
		}
	}
	return nil
}

// named tells whether the destination of e, which matches, lets an address of s
// through: a prefix no wider than the range does, and an exact name unless s is
// metadata.
func (s *special) named(e *entry) bool {
	if e.prefix.IsValid() {
		return e.prefix.Bits() >= s.prefix.Bits()
	}
	return e.exact && s.what != metadata
}
