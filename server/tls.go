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
	raw := relay.NewRaw(c.raw)
	peer := tls.Server(raw, config)
	if err := peer.Handshake(); err != nil {
		c.heard = raw.Heard()
		return fmt.Errorf("TLS handshake: %w", err)
	}
	state := peer.ConnectionState()
	c.peer, c.TLS = peer, &state
	return nil
}
