package relay_test

import (
	"net"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// waitAcknowledged waits until the peer of c has in its kernel what was written,
// so that an abort takes nothing of it back.
func waitAcknowledged(c net.Conn) { relay.Settle(c, time.Now().Add(10*time.Second)) }
