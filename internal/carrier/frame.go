package carrier

import (
	"encoding/binary"
	"errors"

	"github.com/socksctl/socksctl/internal/socks5"
)

// A frame tells its length by its first five bytes: LEN, X and the first two of
// the address. None is that short, for the shortest address there is, an empty
// name and a port, makes a header of seven.
const (
	frameStart   = 5
	minFrameHead = 3 + 1 + 1 + 2
)

// maxFrame is the longest frame: header, a 255-byte name and 65,535 bytes.
const maxFrame = socks5.MaxDatagramHeader + 65535

// tunMark is X in the frames of UDP-TUN.
const tunMark = 0xFF

// ErrFrame tells that a peer sent a frame whose length cannot be told, so that
// nothing after it can be read either.
var ErrFrame = errors.New("malformed datagram frame")

// frameLen tells from the first bytes of a frame how long header and frame are.
// It is [socks5.ErrShort] when b must be longer for that, and [ErrFrame] when
// no length can be right.
func frameLen(command socks5.Command, b []byte) (head, frame int, err error) {
	if len(b) < frameStart {
		return 0, 0, socks5.ErrShort
	}
	data := int(binary.BigEndian.Uint16(b))
	if command == socks5.FwdUDP {
		head = int(b[2])
		if head < minFrameHead {
			return 0, 0, ErrFrame
		}
		return head, head + data, nil
	}
	if b[2] != tunMark {
		return 0, 0, ErrFrame
	}
	n, err := socks5.EncodedLen(b[3:])
	if err != nil {
		return 0, 0, ErrFrame
	}
	return 3 + n, 3 + n + data, nil
}

// appendFrame appends the frame of d. It appends nothing and returns false when
// d does not fit the layout.
func appendFrame(b []byte, command socks5.Command, d *Datagram) ([]byte, bool) {
	head := 3 + socks5.AddrLen(d.Addr)
	if len(d.Data) > 65535 || len(d.Addr.Name) > socks5.MaxName {
		return b, false
	}
	mark := byte(tunMark)
	if command == socks5.FwdUDP {
		if head > 255 {
			return b, false
		}
		mark = byte(head)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(d.Data)))
	b = socks5.AppendAddr(append(b, mark), d.Addr)
	return append(b, d.Data...), true
}
