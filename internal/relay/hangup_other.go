//go:build !linux

package relay

import (
	"errors"
	"net"
)

// AwaitHangUp is for Linux: elsewhere an end is told of behind what was sent before.
func AwaitHangUp(net.Conn) error { return errors.ErrUnsupported }
