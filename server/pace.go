package server

import (
	"context"

	"github.com/socksctl/socksctl/internal/relay"
)

// upward and downward shape the two directions of a tunnel by the quotas that its
// session has at the moment.
type (
	upward   struct{ *Session }
	downward struct{ *Session }
)

var _, _ relay.Shaper = upward{}, downward{}

// Most implements relay.Shaper.
func (s upward) Most() int {
	if h := s.held.Load(); h != nil {
		return h.up.Most()
	}
	return 0
}

// Wait implements relay.Shaper.
func (s upward) Wait(ctx context.Context, n int) error {
	if h := s.held.Load(); h != nil {
		return h.up.Wait(ctx, n)
	}
	return nil
}

// Most implements relay.Shaper.
func (s downward) Most() int {
	if h := s.held.Load(); h != nil {
		return h.down.Most()
	}
	return 0
}

// Wait implements relay.Shaper.
func (s downward) Wait(ctx context.Context, n int) error {
	if h := s.held.Load(); h != nil {
		return h.down.Wait(ctx, n)
	}
	return nil
}

// paced tells whether a datagram of n bytes may pass by the quotas of s.
func (s *Session) paced(stage Stage, n int) bool {
	h := s.held.Load()
	switch {
	case h == nil:
		return true
	case stage == StageAnswer:
		return h.down.Allow(n)
	}
	return h.up.Allow(n)
}
