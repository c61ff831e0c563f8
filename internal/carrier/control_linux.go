package carrier

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// control has room for the control messages of a datagram, aligned as they have
// to be. On the way in there may be two: how many the socket had dropped when it
// arrived (SO_RXQ_OVFL), and how long those are that it is put together of
// (UDP_GRO). On the way out there is one: how long those are that it is to be cut
// up into (UDP_SEGMENT).
type control [6]uint64

// find returns the value of a control message; used is how much of c is filled.
func (c *control) find(used int, level, kind int32) (uint32, bool) {
	for at := 0; at+unix.CmsgLen(4) <= min(used, int(unsafe.Sizeof(*c))); {
		head := (*unix.Cmsghdr)(c.at(at))
		if head.Level == level && head.Type == kind {
			return *(*uint32)(c.at(at + unix.CmsgLen(0))), true
		}
		at += unix.CmsgSpace(max(0, int(head.Len)-unix.CmsgLen(0)))
	}
	return 0, false
}

// setSegment makes c a UDP_SEGMENT and returns how much of it that is.
func (c *control) setSegment(size int) int {
	head := (*unix.Cmsghdr)(c.at(0))
	head.Level, head.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	head.SetLen(unix.CmsgLen(2))
	*(*uint16)(c.at(unix.CmsgLen(0))) = uint16(size)
	return unix.CmsgSpace(2)
}

func (c *control) at(offset int) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(c), offset) }
