package relay

// source reads from a descriptor into buffers that it takes once bytes are
// there.
type source interface {
	// read returns a buffer and how much of it is filled, at least one byte and
	// at most most; the caller gives it back. It waits for bytes, without a buffer, if wait is
	// set, and else returns syscall.EAGAIN. The end is io.EOF.
	read(most int, wait bool) (*buffer, int, error)
	// await waits until bytes are there and returns how many, most at most,
	// without taking them. 0 is an end or a failure, which read will tell.
	await(most int) (int, error)
}
