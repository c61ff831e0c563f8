package carrier

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysOut is the kernel's view of an outBatch.
type sysOut struct {
	hdrs  [outBatchSize]unix.Mmsghdr
	holds [outBatchSize]int // messages in each
	iovs  [outBatchSize][2]unix.Iovec
	names [outBatchSize]unix.RawSockaddrInet6
	ctls  [outBatchSize]control
}

func (m *mmsg) send(b *outBatch) error {
	if b.n == 0 {
		return nil
	}
	for i := range b.n {
		msg, iov := &b.msgs[i], &b.sys.iovs[i]
		iov[0].Base = unsafe.SliceData(msg.head)
		iov[0].SetLen(len(msg.head))
		iov[1].Base = unsafe.SliceData(msg.data)
		iov[1].SetLen(len(msg.data))
	}
	m.out = b
	err := m.raw.Write(m.writeFn)
	m.out = nil
	clear(b.sys.iovs[:b.n]) // the pool must not keep the callers' data alive
	b.n = 0
	return err
}

// write sends the batch and never waits: what the socket does not take at once
// is dropped, as a full network would.
func (m *mmsg) write(fd uintptr) bool {
	s, retried := &m.out.sys, false
	for next := 0; next < m.out.n; {
		n, errno := sendmmsg(fd, s.hdrs[:m.lay(next)])
		for _, held := range s.holds[:n] {
			next += held
		}
		switch {
		case errno == 0:
			retried = false
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			m.dropped(DropFull, m.out.n-next)
			return true
		case !retried:
			retried = true // it may tell of an earlier datagram, by ICMP
		case s.holds[0] > 1 && uncut(errno):
			m.longest = shorter(m.out.msgs[next].size(), errno)
			retried = false
		default:
			m.dropped(dropFor(errno), s.holds[0])
			next += s.holds[0]
			retried = false
		}
	}
	return true
}

// lay lays the messages from one on out for the system, and returns how many it
// then has.
func (m *mmsg) lay(from int) (n int) {
	b, s := m.out, &m.out.sys
	for ; from < b.n; n++ {
		msg, h := &b.msgs[from], &s.hdrs[n].Hdr
		held := together(b.msgs[from:b.n], m.longest)
		h.Iov = &s.iovs[from][0]
		h.SetIovlen(2 * held)
		h.Name, h.Namelen, h.Control = nil, 0, nil
		h.SetControllen(0)
		if !m.connected {
			h.Name = (*byte)(unsafe.Pointer(&s.names[n]))
			h.Namelen = m.putName(&s.names[n], msg.peer)
		}
		if held > 1 {
			h.Control = (*byte)(unsafe.Pointer(&s.ctls[n]))
			h.SetControllen(s.ctls[n].setSegment(msg.size()))
		}
		s.holds[n] = held
		from += held
	}
	return n
}

func (m *mmsg) dropped(why Drop, n int) {
	for range n {
		m.drop.Count(why)
	}
}

// sendmmsg is sendmmsg(2): how many were sent, or why the first was not.
func sendmmsg(fd uintptr, hdrs []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&hdrs[0])),
		uintptr(len(hdrs)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// uncut tells whether an error is about cutting up, and not about the datagrams.
func uncut(errno unix.Errno) bool {
	switch errno {
	case unix.EINVAL, unix.EMSGSIZE, unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		return true
	}
	return false
}

// shorter returns how long datagrams may still be, once some of size were not to
// be had by cutting up: the way does not take them whole, or takes none so.
func shorter(size int, errno unix.Errno) int {
	if errno == unix.EINVAL || errno == unix.EMSGSIZE {
		return size - 1
	}
	return 0
}
