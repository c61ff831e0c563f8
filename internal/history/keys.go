package history

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/destination"
)

// hostKey returns a host as it is looked for: an address as addrKey returns it, a
// name in small letters with its labels turned round, so that those below a name
// stand together.
func hostKey(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return addrKey(ip)
	}
	labels := strings.Split(destination.Plain(host), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

// addrKey returns an address so that those of a network stand together, and "" for
// none. No name has a key with a capital letter.
func addrKey(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid():
		return ""
	case ip.Is4():
		four := ip.As4()
		return string(hex.AppendEncode(append(make([]byte, 0, 10), "V4"...), four[:]))
	}
	sixteen := ip.As16()
	return string(hex.AppendEncode(append(make([]byte, 0, 34), "V6"...), sixteen[:]))
}

// keyRange returns the keys of the first and the last address of a network.
func keyRange(p netip.Prefix) (first, last string) {
	end := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(end)*8; bit++ {
		end[bit/8] |= 0x80 >> (bit % 8)
	}
	ip, _ := netip.AddrFromSlice(end)
	return addrKey(p.Addr()), addrKey(ip)
}
