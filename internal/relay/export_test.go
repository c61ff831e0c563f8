package relay

import (
	"crypto/tls"
	"time"
)

// Lingering is how long the other direction goes on after a write has failed.
const Lingering = lingering

// Lent returns how many buffers are held now.
func Lent() int64 { return buffers.lent.Load() }

// HasSource returns the descriptor that c can be waited on without a buffer, or nil.
var HasSource = descriptor

// Rest has t be at rest after a time, and never when it is negative.
func Rest(t *Tunnel, after time.Duration) { t.rest = after }

// Recorded returns the error of a tunnel whose directions fail with first and
// then with second.
func Recorded(first, second error) error {
	var r run
	r.fail(first)
	r.fail(second)
	return *r.err.Load()
}

// KeepBuffers makes the tls.Conn over r keep its buffers, as where none can be
// lent to it.
func KeepBuffers(r *Raw) *Raw {
	r.keeps = true
	return r
}

// Lends reports whether c can be lent a buffer.
func Lends(c *tls.Conn, r *Raw) bool { return newScratch(c, r).rawInput != nil }
