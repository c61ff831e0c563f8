package relay

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that move bytes never wait, as the descriptors are not blocking, and are
// made without a word to Go's scheduler. It takes 20 us in a call for a wait: then it
// has another thread go on in place of this one, and looks again 20 us later. To move
// 100 KiB takes longer than that. What cannot begin before a call is over is a
// collection of garbage.

// read is read(2).
func read(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return result(n, errno)
}

// write is write(2).
func write(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return result(n, errno)
}

// move is splice(2), without waiting.
func move(from, to, most int) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(most), unix.SPLICE_F_NONBLOCK)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// result returns what a call has moved, or why it has not.
func result(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
