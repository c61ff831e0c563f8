package acl

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// host is a destination in the one spelling that rules are compared in.
type host struct {
	buf   [256]byte
	len   int // of the name in buf; 0: an address alone
	addr  netip.Addr
	wrong string // why it is no host, if it is none
}

// set takes a name and an address, of which either may be missing. A name that
// is a literal becomes the address. One that cannot be compared is wrong: no
// resolver may be left to make of it what a rule did not see.
func (h *host) set(name string, addr netip.Addr, profile *idna.Profile) {
	h.addr = plainAddr(addr)
	if !isASCII(name) {
		ascii, err := profile.ToASCII(name)
		if err != nil {
			h.wrong = "not a name"
			return
		}
		name = ascii
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return
	}
	if literal, ok := parseLiteral(name); ok {
		if !h.addr.IsValid() {
			h.addr = literal
		}
		return
	}
	if len(name) > len(h.buf) { // no name of DNS is
		h.wrong = "name too long"
		return
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h.buf[i] = c
	}
	h.len = len(name)
}

func (h *host) name() []byte { return h.buf[:h.len] }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// plainAddr returns the IPv4 address that addr leads to, if it holds one.
func plainAddr(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("") // mapped: RFC 4291, section 2.5.5.2
	if nat64.Contains(addr) || translated.Contains(addr) ||
		compatible.Contains(addr) && !addr.IsUnspecified() && !addr.IsLoopback() {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// IPv6 addresses that end in the IPv4 address they stand for.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052, section 2.1
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, section 2.1
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1
)

// parseLiteral reads an address however it is spelled: as RFC 4291 and RFC 4632
// write it, in brackets, with a zone, and as inet_aton takes IPv4, with one to
// four parts in decimal, octal or hexadecimal. Name has no trailing dot.
func parseLiteral(name string) (netip.Addr, bool) {
	name, _, _ = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "%")
	name = strings.TrimSuffix(name, ".")
	if strings.IndexByte(name, ':') >= 0 {
		addr, err := netip.ParseAddr(name)
		return plainAddr(addr), err == nil
	}
	return parseIPv4(name)
}

// parseIPv4 is inet_aton.
func parseIPv4(s string) (netip.Addr, bool) {
	var value uint64
	for part := 1; ; part++ {
		field, rest, more := strings.Cut(s, ".")
		if field == "" || part > 4 || !numeral(field) {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(field, 0, 32)
		switch {
		case err != nil, more && n > 255:
			return netip.Addr{}, false
		case more:
			value |= n << (32 - 8*part)
			s = rest
			continue
		case n >= 1<<(8*(5-part)):
			return netip.Addr{}, false
		}
		value |= n
		return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
	}
}

// numeral tells what strconv.ParseUint reads with base 0, so that a name costs
// no error: decimal, octal with a leading 0, hexadecimal with 0x.
func numeral(s string) bool {
	digits := "0123456789"
	switch {
	case len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X"):
		s, digits = s[2:], "0123456789abcdefABCDEF"
	case len(s) > 1 && s[0] == '0':
		s, digits = s[1:], "01234567"
	}
	return s != "" && strings.Trim(s, digits) == ""
}
