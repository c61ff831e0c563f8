package server

import (
	"crypto/tls"
	"fmt"

	"github.com/socksctl/socksctl/internal/relay"
)

// handshake puts TLS over the connection. It is forced here, so that the
// deadline bounds it; the deadline and the end of the session reach it through
// the raw connection.
func (c *conn) handshake(config *tls.Config) error {
	c.enter(StageTLS)
	peer := tls.Server(relay.NewRaw(c.raw), config)
	if err := peer.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	state := peer.ConnectionState()
	c.peer, c.TLS = peer, &state
	return nil
}
