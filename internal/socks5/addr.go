package socks5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The address types of RFC 1928, section 4.
const (
	typeIPv4 = 0x01
	typeName = 0x03
	typeIPv6 = 0x04
)

// MaxName is the longest name that fits an address, in bytes.
const MaxName = 255

// MaxAddr is the longest encoded address: type, length, name and port.
const MaxAddr = 1 + 1 + MaxName + 2

// ErrAddressType tells that an address has a type other than IPv4, name and
// IPv6. It is a [Reply] as well: errors.Is(err, AddressTypeNotSupported).
var ErrAddressType = fmt.Errorf("unknown address type: %w", AddressTypeNotSupported)

// ErrShort tells that a buffer ends before the message in it does.
var ErrShort = errors.New("message ends early")

// ErrNameTooLong tells that a name has more bytes than an address can carry.
var ErrNameTooLong = errors.New("name is longer than 255 bytes")

// ErrZone tells that an address has an IPv6 zone, which no SOCKS address can
// carry and which means nothing on another host.
var ErrZone = errors.New("address has a zone")

// Addr is an address of RFC 1928, section 5: a name or an IP, and a port.
//
// An Addr that this package has read or parsed keeps two promises: Name is
// never an IP literal, for a literal that came as a name is in IP, and IP has
// no zone and is never an IPv4-mapped IPv6 address. It is comparable and so a map key. The
// zero Addr is written as 0.0.0.0:0.
type Addr struct {
	Name string     // as it was spelled; empty when IP is set
	IP   netip.Addr // invalid when Name is set
	Port uint16
}

// AddrFrom returns the Addr of ap: without a zone, and IPv4 where ap is an
// IPv4-mapped IPv6 address.
func AddrFrom(ap netip.AddrPort) Addr {
	return Addr{IP: ap.Addr().Unmap().WithZone(""), Port: ap.Port()}
}

// AddrOf returns the Addr of a net.Addr, and the zero Addr for one that is
// neither TCP nor UDP nor written as host:port.
func AddrOf(a net.Addr) Addr {
	switch a := a.(type) {
	case Addr:
		return a
	case *net.TCPAddr:
		return AddrFrom(a.AddrPort())
	case *net.UDPAddr:
		return AddrFrom(a.AddrPort())
	case nil:
		return Addr{}
	}
	addr, err := ParseAddr(a.String())
	if err != nil {
		return Addr{}
	}
	return addr
}

// ParseAddr reads "host:port" as net.Dial takes it. It looks nothing up.
func ParseAddr(hostport string) (Addr, error) {
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return Addr{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return Addr{}, fmt.Errorf("port %q of %q is not a number from 0 to 65535", service, hostport)
	}
	addr := hostAddr(host, uint16(port))
	if len(addr.Name) > MaxName {
		return Addr{}, ErrNameTooLong
	}
	if strings.Contains(addr.Name, "%") { // no name has one
		return Addr{}, ErrZone
	}
	return addr, nil
}

// hostAddr tells a literal from a name; clients send "::1" and "[::1]" alike.
// What has a zone stays a name, and is not a valid one: it could not be written
// back as an address.
func hostAddr(host string, port uint16) Addr {
	literal := host
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		literal = host[1 : len(host)-1]
	}
	if !literalLike(literal) {
		return Addr{Name: host, Port: port}
	}
	if ip, err := netip.ParseAddr(literal); err == nil && ip.Zone() == "" {
		return Addr{IP: ip.Unmap(), Port: port}
	}
	return Addr{Name: host, Port: port}
}

// literalLike spares a name that cannot be an IP the error that
// netip.ParseAddr would allocate for it.
func literalLike(s string) bool {
	return strings.IndexByte(s, ':') >= 0 || strings.Trim(s, "0123456789.") == ""
}

// IsName tells whether a has to be looked up before it can be dialled.
func (a Addr) IsName() bool { return !a.IP.IsValid() && a.Name != "" }

// AddrPort returns the IP and port of a, and the zero AddrPort when a is a
// name.
func (a Addr) AddrPort() netip.AddrPort {
	if !a.IP.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.IP, a.Port)
}

// Host returns the name or the IP, without brackets.
func (a Addr) Host() string {
	if a.IP.IsValid() {
		return a.IP.String()
	}
	return a.Name
}

// Network makes Addr a net.Addr.
func (a Addr) Network() string { return "socks5" }

// String returns "host:port" as net.Dial takes it. The name is as the peer
// spelled it, control bytes and all: quote it in a log.
func (a Addr) String() string {
	if a.IP.IsValid() {
		return netip.AddrPortFrom(a.IP, a.Port).String()
	}
	return net.JoinHostPort(a.Host(), strconv.Itoa(int(a.Port)))
}

// Valid tells whether a can be asked for at all: an address without a zone, or
// a name that DNS could hold (RFC 1035, section 2.3.4): not empty, at most 253
// bytes without the trailing dot, labels of 1 to 63, and no byte that is a
// control, a space or a delimiter of addresses.
func (a Addr) Valid() bool {
	if a.IP.IsValid() {
		return a.IP.Zone() == ""
	}
	name := strings.TrimSuffix(a.Name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '.' && label == 0, c <= ' ', c == 0x7f, strings.IndexByte(":%[]/", c) >= 0:
			return false
		case c == '.':
			label = 0
		default:
			label++
		}
		if label > 63 {
			return false
		}
	}
	return label > 0
}

// AppendAddr appends the type, address and port of a to b. Of a name longer
// than [MaxName] it appends the first 255 bytes: check before you call.
func AppendAddr(b []byte, a Addr) []byte {
	switch {
	case a.IP.Is4() || a.IP.Is4In6():
		ip := a.IP.Unmap().As4()
		b = append(append(b, typeIPv4), ip[:]...)
	case a.IP.Is6():
		ip := a.IP.As16()
		b = append(append(b, typeIPv6), ip[:]...)
	case a.Name != "":
		name := a.Name[:min(len(a.Name), MaxName)]
		b = append(append(b, typeName, byte(len(name))), name...)
	default:
		b = append(b, typeIPv4, 0, 0, 0, 0)
	}
	return binary.BigEndian.AppendUint16(b, a.Port)
}

// AddrLen returns how many bytes [AppendAddr] appends for a.
func AddrLen(a Addr) int {
	switch {
	case a.IP.Is6() && !a.IP.Is4In6():
		return 1 + 16 + 2
	case !a.IP.IsValid() && a.Name != "":
		return 1 + 1 + min(len(a.Name), MaxName) + 2
	}
	return 1 + 4 + 2
}

// DecodeAddr reads the address that b begins with and returns it and its
// length. It allocates only for a name. Its errors are [ErrShort] and
// [ErrAddressType].
func DecodeAddr(b []byte) (Addr, int, error) { return (*Hosts)(nil).DecodeAddr(b) }

// EncodedLen returns the length of the address that b begins with, of which it
// needs two bytes. Its errors are [ErrShort] and [ErrAddressType].
func EncodedLen(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, ErrShort
	}
	switch b[0] {
	case typeIPv4:
		return 1 + 4 + 2, nil
	case typeIPv6:
		return 1 + 16 + 2, nil
	case typeName:
		return 1 + 1 + int(b[1]) + 2, nil
	}
	return 0, ErrAddressType
}

// shortAddr is the longest encoded address that is no name.
const shortAddr = 1 + 16 + 2

// readAddr reads an address from r through scratch, which holds a shortAddr: that of a
// message goes to the heap, and few names are as long as they may be.
func readAddr(r io.Reader, scratch []byte) (Addr, error) {
	if _, err := io.ReadFull(r, scratch[:1]); err != nil {
		return Addr{}, err
	}
	// The type alone decides whether a second byte is worth waiting for.
	if _, err := EncodedLen([]byte{scratch[0], 0}); err != nil {
		return Addr{}, err
	}
	if _, err := io.ReadFull(r, scratch[1:2]); err != nil {
		return Addr{}, unexpected(err)
	}
	n, err := EncodedLen(scratch)
	if err != nil {
		return Addr{}, err
	}
	if n > len(scratch) {
		scratch = append(make([]byte, 0, n), scratch[:2]...)
	}
	if _, err := io.ReadFull(r, scratch[2:n]); err != nil {
		return Addr{}, unexpected(err)
	}
	addr, _, err := DecodeAddr(scratch[:n])
	return addr, err
}

// unexpected turns an EOF inside a message into io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
