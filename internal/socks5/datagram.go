package socks5

import "errors"

// ErrFragment tells that a datagram is a part of one: FRAG is not 00. This
// module does not reassemble (RFC 1928, section 7 leaves it optional).
var ErrFragment = errors.New("datagram is a fragment")

// ErrReserved tells that the RSV field of a datagram is not 0000.
var ErrReserved = errors.New("reserved field is not zero")

// MaxDatagramHeader is the longest header of a datagram.
const MaxDatagramHeader = 3 + MaxAddr

// AppendDatagramHeader appends the header that stands before the payload of a
// datagram to or from addr (RFC 1928, section 7).
func AppendDatagramHeader(b []byte, addr Addr) []byte {
	return AppendAddr(append(b, 0x00, 0x00, 0x00), addr)
}

// DecodeDatagram splits b into the address in its header and the payload, which
// is a part of b and may be empty. It allocates only for a name. Its errors are
// [ErrShort], [ErrReserved], [ErrFragment] and [ErrAddressType].
func DecodeDatagram(b []byte) (Addr, []byte, error) { return (*Hosts)(nil).DecodeDatagram(b) }
