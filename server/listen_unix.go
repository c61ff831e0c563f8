//go:build unix

package server

import "syscall"

// ownerOnly takes group and others off a socket before it is bound, which on
// Linux leaves no moment at which they could connect.
func ownerOnly(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = syscall.Fchmod(int(fd), 0o600) // other systems refuse, and os.Chmod follows
	})
}
