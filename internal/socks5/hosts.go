package socks5

import (
	"encoding/binary"
	"net/netip"
)

// maxHosts bounds what a peer can make a [Hosts] hold: 128 names of 255 bytes.
const maxHosts = 128

// Hosts remembers the names that a peer's datagrams bring, so that one seen
// before is decoded without an allocation. It holds at most 128 and starts
// anew when they are all taken. The zero value is ready, a nil *Hosts remembers
// nothing; it is for one goroutine at a time.
type Hosts struct {
	seen map[string]Addr // without ports
}

// DecodeAddr is like the function [DecodeAddr].
func (h *Hosts) DecodeAddr(b []byte) (Addr, int, error) {
	n, err := EncodedLen(b)
	if err != nil {
		return Addr{}, 0, err
	}
	if len(b) < n {
		return Addr{}, 0, ErrShort
	}
	port := binary.BigEndian.Uint16(b[n-2:])
	switch b[0] {
	case typeIPv4:
		return Addr{IP: netip.AddrFrom4([4]byte(b[1:5])), Port: port}, n, nil
	case typeIPv6:
		return Addr{IP: netip.AddrFrom16([16]byte(b[1:17])).Unmap(), Port: port}, n, nil
	}
	addr := h.host(b[2 : n-2])
	addr.Port = port
	return addr, n, nil
}

// host returns the Addr of a name without a port.
func (h *Hosts) host(name []byte) Addr {
	if h == nil {
		return hostAddr(string(name), 0)
	}
	if addr, ok := h.seen[string(name)]; ok {
		return addr
	}
	if h.seen == nil || len(h.seen) >= maxHosts {
		h.seen = make(map[string]Addr)
	}
	key := string(name)
	addr := hostAddr(key, 0)
	h.seen[key] = addr
	return addr
}

// DecodeDatagram is like the function [DecodeDatagram].
func (h *Hosts) DecodeDatagram(b []byte) (Addr, []byte, error) {
	if len(b) < 3 {
		return Addr{}, nil, ErrShort
	}
	if b[0] != 0 || b[1] != 0 {
		return Addr{}, nil, ErrReserved
	}
	if b[2] != 0 {
		return Addr{}, nil, ErrFragment
	}
	addr, n, err := h.DecodeAddr(b[3:])
	if err != nil {
		return Addr{}, nil, err
	}
	return addr, b[3+n:], nil
}
