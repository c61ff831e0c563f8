package carrier

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysIn is the kernel's view of an inBatch.
type sysIn struct {
	hdrs  [inBatchSize]unix.Mmsghdr
	iovs  [inBatchSize]unix.Iovec
	names [inBatchSize]unix.RawSockaddrInet6
	ctls  [inBatchSize]control
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
	s.reset(inBatchSize)
}

// reset makes the first n ready for a call.
func (s *sysIn) reset(n int) {
	for i := range n {
		s.hdrs[i].Hdr.Namelen = unix.SizeofSockaddrInet6
		s.hdrs[i].Hdr.SetControllen(int(unsafe.Sizeof(s.ctls[i])))
	}
}

// receive returns what an earlier call of the system brought and limit had no room
// for, or calls it again.
func (m *mmsg) receive(limit int) ([]message, error) {
	if m.next == m.got {
		m.used = max(m.used, m.got)
		m.next, m.cut, m.got, m.readErr = 0, 0, 0, 0
		if err := m.raw.Read(m.readFn); err != nil {
			return nil, err
		}
	}
	if m.readErr != 0 {
		return nil, &net.OpError{Op: "recvmmsg", Net: "udp", Err: m.readErr}
	}
	n := 0
	for limit = min(max(limit, 1), len(m.in.msgs)); n < limit && m.next < m.got; {
		n += m.take(m.in.msgs[n:limit])
	}
	return m.in.msgs[:n], nil
}

// take fills ms with datagrams of the next message of the system, and goes on to
// the one after it when there is no more of it.
func (m *mmsg) take(ms []message) (n int) {
	h := &m.in.sys.hdrs[m.next]
	size := int(h.Len)
	if m.cut == 0 {
		m.countLost(h)
		if h.Hdr.Flags&unix.MSG_TRUNC != 0 {
			m.drop.Count(DropTooLong)
			m.next++
			return 0
		}
	}
	peer, whole := nameOf(&m.in.sys.names[m.next]), m.in.buf(m.next)[:size]
	n, m.cut = split(ms, peer, whole, m.cut, segmentOf(&m.in.sys.ctls[m.next], int(h.Hdr.Controllen), size))
	if m.cut >= size {
		m.next, m.cut = m.next+1, 0
	}
	return n
}

// countLost counts what the socket has dropped since it last told.
func (m *mmsg) countLost(h *unix.Mmsghdr) {
	total, ok := m.in.sys.ctls[m.next].find(int(h.Hdr.Controllen), unix.SOL_SOCKET, unix.SO_RXQ_OVFL)
	if !ok {
		return
	}
	for ; m.lost != total; m.lost++ {
		m.drop.Count(DropFull)
	}
}

// segmentOf returns how long the datagrams are that one of size bytes is put
// together of; the last may be shorter.
func segmentOf(c *control, used, size int) int {
	if segment, ok := c.find(used, unix.SOL_UDP, unix.UDP_GRO); ok && segment > 0 {
		return int(segment)
	}
	return size
}

// read is called by the RawConn once at the start, and then each time that the
// socket has become readable, until it returns true.
func (m *mmsg) read(fd uintptr) bool {
	if m.in == nil {
		m.in = inBatches.Get().(*inBatch)
	}
	s := &m.in.sys
	s.reset(m.used)
	m.used = 0
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[0])),
			uintptr(len(s.hdrs)), unix.MSG_DONTWAIT, 0, 0)
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
