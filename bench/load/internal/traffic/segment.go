package traffic

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// socketBuffer is what UDP sockets of both ends ask for, so that what is lost is
// lost in the proxy.
const socketBuffer = 4 << 20

// segmented is a UDP socket that sends several datagrams of a size in one system
// call, and receives them so, as browsers and servers of QUIC do.
type segmented struct {
	*net.UDPConn
	control []byte // of what is received
}

// segment listens on an address without a port.
func segment(ip net.IP) (*segmented, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(socketBuffer) // less must do where the system allows no more
	_ = c.SetWriteBuffer(socketBuffer)
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) // else they come one by one
		})
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return &segmented{UDPConn: c, control: make([]byte, 64)}, nil
}

// send sends the datagrams of that size in b, the last of which may be shorter.
func (s *segmented) send(b []byte, size int, to *net.UDPAddr) error {
	var control []byte
	if len(b) > size {
		control = segmentSize(uint16(size))
	}
	_, _, err := s.WriteMsgUDP(b, control, to)
	return err
}

// receive returns the length of what it read, the size of the datagrams in it and
// where they came from.
func (s *segmented) receive(b []byte) (n, size int, from *net.UDPAddr, err error) {
	n, length, _, from, err := s.ReadMsgUDP(b, s.control)
	if err != nil {
		return 0, 0, nil, err
	}
	size = n
	messages, err := unix.ParseSocketControlMessage(s.control[:length])
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_GRO && len(m.Data) >= 4 {
			size = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return n, max(size, 1), from, err
}

// segmentSize is the control message UDP_SEGMENT.
func segmentSize(size uint16) []byte {
	b := make([]byte, unix.CmsgSpace(2))
	header := unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
	header.SetLen(unix.CmsgLen(2))
	if _, err := binary.Encode(b, binary.NativeEndian, header); err != nil {
		return nil
	}
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], size)
	return b
}
