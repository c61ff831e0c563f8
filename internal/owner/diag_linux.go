package owner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The messages are those of sock_diag(7): a header of netlink(7), then an
// inet_diag_req_v2 or an inet_diag_msg, both with an inet_diag_sockid in them.
// Numbers are in the order of this machine, ports and addresses in that of the
// network.
const (
	headerSize   = 16
	sockIDSize   = 48
	questionSize = headerSize + 8 + sockIDSize
	answerSize   = headerSize + 4 + sockIDSize + 20

	anyState = 1<<32 - 1
	noCookie = 1<<32 - 1 // of a socket that is known by its addresses only
)

var errMalformed = errors.New("sock_diag answered what was not asked")

// question is about one socket.
type question struct {
	protocol byte           // IPPROTO_TCP or IPPROTO_UDP
	src, dst netip.AddrPort // the socket's own address, and that of its peer
	device   uint32         // that the packets of the socket come in by
	seq      uint32         // that the answer has too
}

// message returns q as the system takes it: of UDP it wants to know where the
// packets come from, and of TCP where they go to.
func (q question) message() []byte {
	src, dst := q.src, q.dst
	if q.protocol == unix.IPPROTO_UDP {
		src, dst = dst, src
	}
	family := byte(unix.AF_INET)
	if src.Addr().Is6() {
		family = unix.AF_INET6
	}
	native := binary.NativeEndian
	b := native.AppendUint32(make([]byte, 0, questionSize), questionSize)
	b = native.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = native.AppendUint16(b, unix.NLM_F_REQUEST) // one socket, and not NLM_F_DUMP of all
	b = native.AppendUint32(b, q.seq)
	b = native.AppendUint32(b, 0) // the sender's port, which the system knows
	b = append(b, family, q.protocol, 0, 0)
	b = native.AppendUint32(b, anyState)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = appendAddr(b, src.Addr())
	b = appendAddr(b, dst.Addr())
	b = native.AppendUint32(b, q.device)
	b = native.AppendUint32(b, noCookie)
	return native.AppendUint32(b, noCookie)
}

// appendAddr appends a in 16 bytes, of which IPv4 takes the first four.
func appendAddr(b []byte, a netip.Addr) []byte {
	var field [16]byte
	copy(field[:], a.AsSlice())
	return append(b, field[:]...)
}

// answer is what is of use here of an inet_diag_msg.
type answer struct {
	state    byte
	src, dst netip.AddrPort
	uid      uint32
	inode    uint32 // 0: no process has the socket open
}

// read reads the system's answer to q.
func (q question) read(b []byte) (answer, error) {
	native := binary.NativeEndian
	if len(b) < headerSize || uint64(native.Uint32(b)) > uint64(len(b)) || native.Uint32(b[8:]) != q.seq {
		return answer{}, errMalformed
	}
	b = b[:max(headerSize, native.Uint32(b))]
	switch native.Uint16(b[4:]) {
	case unix.NLMSG_ERROR:
		return answer{}, readError(b)
	case unix.SOCK_DIAG_BY_FAMILY:
		return q.readSocket(b)
	}
	return answer{}, errMalformed
}

// readError returns the error of an NLMSG_ERROR, in which 0 is none.
func readError(b []byte) error {
	if len(b) < headerSize+4 {
		return errMalformed
	}
	switch errno := unix.Errno(-int32(binary.NativeEndian.Uint32(b[headerSize:]))); errno {
	case 0:
		return errMalformed
	case unix.ENOENT:
		return ErrElsewhere
	default:
		return fmt.Errorf("sock_diag: %w", errno)
	}
}

// readSocket reads an inet_diag_msg. Where there is no socket with the addresses
// asked for, the system answers with one that listens on the first.
func (q question) readSocket(b []byte) (answer, error) {
	if len(b) < answerSize {
		return answer{}, errMalformed
	}
	b = b[headerSize:]
	family, id := b[0], b[4:]
	a := answer{
		state: b[1],
		src:   netip.AddrPortFrom(readAddr(family, id[4:20]), binary.BigEndian.Uint16(id)),
		dst:   netip.AddrPortFrom(readAddr(family, id[20:36]), binary.BigEndian.Uint16(id[2:])),
		uid:   binary.NativeEndian.Uint32(b[64:]),
		inode: binary.NativeEndian.Uint32(b[68:]),
	}
	switch {
	case q.fits(a):
		return a, nil
	case a.state == unix.BPF_TCP_LISTEN:
		return answer{}, ErrElsewhere
	}
	return answer{}, errMalformed
}

// fits tells whether a is about the socket that was asked for. One for UDP need
// not be connected, nor bound to an address.
func (q question) fits(a answer) bool {
	if q.protocol == unix.IPPROTO_TCP {
		return a.src == q.src && a.dst == q.dst
	}
	open := func(have, want netip.Addr) bool { return have == want || have.IsUnspecified() }
	return a.src.Port() == q.src.Port() && open(a.src.Addr(), q.src.Addr()) &&
		(a.dst == q.dst || a.dst.Port() == 0 && a.dst.Addr().IsUnspecified())
}

// readAddr reads an address. A socket for IPv6 may have IPv4 addresses.
func readAddr(family byte, b []byte) netip.Addr {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap()
}

// owner returns the uid that the socket belongs to. One that no process has open
// has none, though the answer says 0. A client of TCP has shut down its sending
// side in the states FIN_WAIT, and may well wait for what comes back.
func (q question) owner(a answer) (uint32, error) {
	connected := a.state == unix.BPF_TCP_ESTABLISHED || a.state == unix.BPF_TCP_CLOSE_WAIT ||
		a.state == unix.BPF_TCP_FIN_WAIT1 || a.state == unix.BPF_TCP_FIN_WAIT2
	if a.inode == 0 || q.protocol == unix.IPPROTO_TCP && !connected {
		return 0, errOrphan
	}
	return a.uid, nil
}
