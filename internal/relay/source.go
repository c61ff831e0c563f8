package relay

// source reads from a descriptor into buffers that it takes once bytes are
// there.
type source interface {
	// read returns a buffer and how much of it is filled, at least one byte;
	// the caller gives it back. It waits for bytes, without a buffer, if wait is
	// set, and else returns syscall.EAGAIN. The end is io.EOF.
	read(wait bool) (*buffer, int, error)
}
