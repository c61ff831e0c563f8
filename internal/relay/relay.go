// Package relay joins two connections and moves bytes both ways until both
// sides have ended.
package relay

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// ErrIdle tells that no byte went either way for the idle timeout.
var ErrIdle = errors.New("idle timeout")

// ErrTruncated tells that a TLS peer ended its stream without close_notify.
var ErrTruncated = errors.New("connection ended without close_notify")

// Tunnel is two connections to be joined, and how.
type Tunnel struct {
	Client net.Conn
	Target net.Conn
	Early  []byte        // already read from Client; goes to Target first
	Idle   time.Duration // without a byte either way; 0 is for ever
	Up     *atomic.Int64 // counts bytes from Client to Target, as they go
	Down   *atomic.Int64 // counts bytes from Target to Client, as they go
}
