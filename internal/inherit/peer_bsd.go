//go:build darwin || freebsd

package inherit

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// solLocal is the level of options of unix sockets, SOL_LOCAL.
const solLocal = 0

// Peer returns the user at the other end of c, as it was when it was connected or
// began to listen. The process is not known: it is 0.
func Peer(c *net.UnixConn) (uid, pid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *unix.Xucred
	ctlErr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptXucred(int(fd), solLocal, unix.LOCAL_PEERCRED) })
	if err := errors.Join(ctlErr, err); err != nil {
		return 0, 0, err
	}
	return int(cred.Uid), 0, nil
}
