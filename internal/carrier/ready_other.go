//go:build !unix

package carrier

// readiness waits under a RawConn until a datagram is there, so that no buffer
// is needed before.
type readiness struct {
	waited bool
	fn     func(uintptr) bool
}

func (r *readiness) init() { r.fn = r.ready }

// ready lets the RawConn wait once a call; on Windows that is an overlapped
// peek, which completes for datagrams that were there before as well.
func (r *readiness) ready(uintptr) bool {
	r.waited = !r.waited
	return !r.waited
}
