package carrier

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newTransport returns the fastest transport that this system has.
func newTransport(pc *net.UDPConn, drop DropFunc) (transport, error) { return newMmsg(pc, drop) }

// roomIn is how many bytes a socket is to keep for a reader that is behind.
const roomIn = 1 << 20

// mmsg moves datagrams with recvmmsg(2) and sendmmsg(2), and several for one peer
// as one that the system cuts up (UDP_SEGMENT) or has put together (UDP_GRO). It
// makes the calls itself, because every way through package net allocates for
// each datagram, and without a word to Go's scheduler, because none of them waits:
// the first that it is told of after a rest wakes the thread that looks after the
// others, which is more than a datagram takes.
type mmsg struct {
	raw       syscall.RawConn
	drop      DropFunc
	inet6     bool // an AF_INET6 socket, which takes IPv4 as mapped addresses
	connected bool

	// The reader's. The functions are made once, because a closure a call
	// would be an allocation a call.
	in      *inBatch // nil while nothing waits
	got     int      // how much it has
	next    int      // the first of that that is not yet returned,
	cut     int      // and how many bytes of it are
	used    int      // how much of in the next call finds used
	lost    uint32   // datagrams that the socket had no room for, so far
	readErr syscall.Errno
	readFn  func(uintptr) bool

	// The writer's.
	out     *outBatch
	longest int // that goes to the system several at once; 0: it takes none
	writeFn func(uintptr) bool
}

func newMmsg(pc *net.UDPConn, drop DropFunc) (*mmsg, error) {
	raw, err := pc.SyscallConn()
	if err != nil {
		return nil, err
	}
	m := &mmsg{raw: raw, drop: drop, connected: connected(pc), longest: maxTogether}
	m.readFn, m.writeFn = m.read, m.write
	var domain int
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		domain, sockErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		prepare(int(fd))
		if _, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT); err != nil {
			m.longest = 0 // an old kernel would send what is to be cut up as it is
		}
	}); err != nil {
		return nil, err
	}
	m.inet6 = domain == unix.AF_INET6
	return m, sockErr
}

// prepare sets what makes a socket fast, and counts what it has no room for. What
// a kernel refuses it does without: datagrams come one by one then, or uncounted.
func prepare(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, roomIn) != nil { // takes a privilege
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, roomIn)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
}

// putName writes ap as the socket's family has it and returns the length. An
// IPv6 address on an IPv4 socket is left for the kernel to refuse.
func (m *mmsg) putName(name *unix.RawSockaddrInet6, ap netip.AddrPort) uint32 {
	ip := ap.Addr().Unmap()
	if ip.Is4() && !m.inet6 {
		name4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*name4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4()}
		putPort(&name4.Port, ap.Port())
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16()}
	putPort(&name.Port, ap.Port())
	return unix.SizeofSockaddrInet6
}

// nameOf reads what the kernel wrote into name.
func nameOf(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		name4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(name4.Addr), portOf(&name4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), portOf(&name.Port))
}

// A port lies in memory in network order, whatever the order of the machine.

func putPort(p *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], port)
}

func portOf(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}
