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

// mmsg moves datagrams with recvmmsg(2) and sendmmsg(2). It calls them itself,
// because every way through package net allocates for each datagram.
type mmsg struct {
	raw       syscall.RawConn
	drop      DropFunc
	inet6     bool // an AF_INET6 socket, which takes IPv4 as mapped addresses
	connected bool

	// The reader's. The functions are made once, because a closure a call
	// would be an allocation a call.
	in      *inBatch // nil while nothing waits
	limit   int
	got     int
	lost    uint32 // datagrams that the socket had no room for, so far
	readErr syscall.Errno
	readFn  func(uintptr) bool

	// The writer's.
	out     *outBatch
	writeFn func(uintptr) bool
}

func newMmsg(pc *net.UDPConn, drop DropFunc) (*mmsg, error) {
	raw, err := pc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var domain int
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		domain, sockErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		// What the socket has no room for shall be counted; a kernel that
		// cannot tell costs the count only.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	}); err != nil {
		return nil, err
	}
	if sockErr != nil {
		return nil, sockErr
	}
	m := &mmsg{raw: raw, drop: drop, inet6: domain == unix.AF_INET6, connected: connected(pc)}
	m.readFn, m.writeFn = m.read, m.write
	return m, nil
}

// sysIn is the kernel's view of an inBatch.
type sysIn struct {
	hdrs  [inBatchSize]unix.Mmsghdr
	iovs  [inBatchSize]unix.Iovec
	names [inBatchSize]unix.RawSockaddrInet6
	ctls  [inBatchSize]overflow
}

// overflow is the control message of SO_RXQ_OVFL: how many datagrams the socket
// had dropped when this one arrived.
type overflow struct {
	head  unix.Cmsghdr
	total uint32
	_     uint32 // the kernel pads to 8
}

func (s *sysIn) init(b *inBatch) {
	for i := range s.hdrs {
		s.iovs[i].Base = &b.buf(i)[0]
		s.iovs[i].SetLen(inBufferSize)
		s.hdrs[i].Hdr.Iov = &s.iovs[i]
		s.hdrs[i].Hdr.SetIovlen(1)
		s.hdrs[i].Hdr.Name = (*byte)(unsafe.Pointer(&s.names[i]))
		s.hdrs[i].Hdr.Control = (*byte)(unsafe.Pointer(&s.ctls[i]))
	}
}

func (m *mmsg) receive(limit int) ([]message, error) {
	m.limit, m.got, m.readErr = min(max(limit, 1), inBatchSize), 0, 0
	if err := m.raw.Read(m.readFn); err != nil {
		return nil, err
	}
	if m.readErr != 0 {
		return nil, &net.OpError{Op: "recvmmsg", Net: "udp", Err: m.readErr}
	}
	n := 0
	for i := range m.got {
		h := &m.in.sys.hdrs[i]
		if h.Hdr.Controllen > 0 {
			m.countLost(&m.in.sys.ctls[i])
		}
		if h.Hdr.Flags&unix.MSG_TRUNC != 0 {
			m.drop.Count(DropTooLong)
			continue
		}
		m.in.msgs[n] = message{peer: nameOf(&m.in.sys.names[i]), data: m.in.buf(i)[:h.Len]}
		n++
	}
	return m.in.msgs[:n], nil
}

// countLost counts what the socket has dropped since it last told.
func (m *mmsg) countLost(c *overflow) {
	if c.head.Level != unix.SOL_SOCKET || c.head.Type != unix.SO_RXQ_OVFL {
		return
	}
	for ; m.lost != c.total; m.lost++ {
		m.drop.Count(DropFull)
	}
}

// read is called by the RawConn once at the start, and then each time that the
// socket has become readable, until it returns true.
func (m *mmsg) read(fd uintptr) bool {
	if m.in == nil {
		m.in = inBatches.Get().(*inBatch)
	}
	s := &m.in.sys
	for i := range m.limit {
		s.hdrs[i].Hdr.Namelen = unix.SizeofSockaddrInet6
		s.hdrs[i].Hdr.SetControllen(int(unsafe.Sizeof(s.ctls[i])))
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[0])),
			uintptr(m.limit), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			m.got = int(n)
			return true
		case unix.EAGAIN:
			inBatches.Put(m.in)
			m.in = nil
			return false
		case unix.EBADF, unix.ENOTSOCK, unix.EINVAL, unix.EFAULT, unix.ENOSYS:
			m.readErr = errno
			return true
		}
		// Interrupted, or what ICMP said of an earlier datagram: a connected
		// socket reports it once and goes on.
	}
}

// sysOut is the kernel's view of an outBatch.
type sysOut struct {
	hdrs  [outBatchSize]unix.Mmsghdr
	iovs  [outBatchSize][2]unix.Iovec
	names [outBatchSize]unix.RawSockaddrInet6
}

func (m *mmsg) send(b *outBatch) error {
	s := &b.sys
	for i := range b.n {
		msg, h := &b.msgs[i], &s.hdrs[i].Hdr
		s.iovs[i][0].Base = unsafe.SliceData(msg.head)
		s.iovs[i][0].SetLen(len(msg.head))
		s.iovs[i][1].Base = unsafe.SliceData(msg.data)
		s.iovs[i][1].SetLen(len(msg.data))
		h.Iov = &s.iovs[i][0]
		h.SetIovlen(2)
		h.Name, h.Namelen = nil, 0
		if !m.connected {
			h.Name = (*byte)(unsafe.Pointer(&s.names[i]))
			h.Namelen = m.putName(&s.names[i], msg.peer)
		}
	}
	m.out = b
	err := m.raw.Write(m.writeFn)
	m.out = nil
	clear(s.iovs[:b.n]) // the pool must not keep the callers' data alive
	b.n = 0
	return err
}

// write sends the batch and never waits: what the socket does not take at once
// is dropped, as a full network would.
func (m *mmsg) write(fd uintptr) bool {
	s, retried := &m.out.sys, false
	for next := 0; next < m.out.n; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[next])),
			uintptr(m.out.n-next), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			next += int(n)
			retried = false
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			for ; next < m.out.n; next++ {
				m.drop.Count(DropFull)
			}
		case !retried:
			retried = true // it may tell of an earlier datagram, by ICMP
		default:
			m.drop.Count(dropFor(errno))
			next++
			retried = false
		}
	}
	return true
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
