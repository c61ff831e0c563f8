package forwarder

import (
	"cmp"
	"context"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/relay"
)

// warmShare is what part of the descriptors that a process may have the warm
// connections to one server may take.
const warmShare = 32

// KeepWarm keeps connections to each of the servers warm until ctx ends, as
// [client.Dialer.KeepWarm] does: those that requests go to. A server that fails
// loses its own, and so does one that is no longer among them. Where descriptors
// are few there are fewer than w says.
func (s *Servers) KeepWarm(ctx context.Context, w client.Warm) error {
	w.Most = min(cmp.Or(w.Most, client.DefaultWarm), max(relay.MaxDescriptors()/warmShare, 1))
	s.each(ctx, func(ctx context.Context, m *member) {
		if err := m.dialer.KeepWarm(ctx, w); err != nil { // its Dialer is in use elsewhere
			s.log().Warn("no warm connections", "server", m.url, "err", err)
		}
	})
	return nil
}

// DropWarm closes the warm connections, as after a change of certificates.
func (s *Servers) DropWarm() {
	for _, m := range s.all() {
		m.dialer.DropWarm()
	}
}
