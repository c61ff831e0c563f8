//go:build !linux && !darwin && !freebsd

package inherit

import (
	"errors"
	"fmt"
	"net"
)

// Peer is not to be had on this system.
func Peer(*net.UnixConn) (uid, pid int, err error) {
	return 0, 0, fmt.Errorf("the user of a peer: %w", errors.ErrUnsupported)
}
