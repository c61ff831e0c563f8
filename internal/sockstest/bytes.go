package sockstest

import (
	"encoding/binary"
	"net/netip"
)

// The commands of RFC 1928, section 4.
const (
	cmdConnect = 0x01
	cmdBind    = 0x02
	cmdUDP     = 0x03
)

// at encodes an address of RFC 1928, section 5: type, address, port.
func at(ap netip.AddrPort) []byte {
	b := []byte{0x01}
	if ap.Addr().Is6() {
		b[0] = 0x04
	}
	b = append(b, ap.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, ap.Port())
}

// named encodes an address that is a name, as long as it is told.
func named(name string, port uint16) []byte {
	b := append([]byte{0x03, byte(len(name))}, name...)
	return binary.BigEndian.AppendUint16(b, port)
}

// nowhere is the address 0.0.0.0:0.
func nowhere() []byte { return []byte{0x01, 0, 0, 0, 0, 0, 0} }

// request encodes a request; addr is encoded already.
func request(cmd byte, addr []byte) []byte { return append([]byte{0x05, cmd, 0x00}, addr...) }

// refusal is a reply that is not 00, as it has to be to the byte.
func refusal(rep byte) []byte { return append([]byte{0x05, rep, 0x00}, nowhere()...) }

// success is the reply 00 with bound as its address.
func success(bound netip.AddrPort) []byte { return append([]byte{0x05, 0x00, 0x00}, at(bound)...) }

// login encodes the message of RFC 1929, section 2.
func login(name, password string) []byte {
	b := append([]byte{0x01, byte(len(name))}, name...)
	return append(append(b, byte(len(password))), password...)
}

// datagram encodes a UDP request of RFC 1928, section 7.
func datagram(addr, data []byte) []byte {
	return append(append([]byte{0, 0, 0}, addr...), data...)
}

// join concatenates messages into one segment.
func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// pattern returns n bytes that tell where they stand, so that a lost, doubled or
// moved block shows.
func pattern(n int, seed uint64) []byte {
	b := make([]byte, n+8)
	x := seed*0x9E3779B97F4A7C15 + 1
	for i := 0; i < n; i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	return b[:n]
}
