package carrier

import (
	"context"
	"net/netip"
)

// LookupFunc finds the addresses of a host name, as
// net.DefaultResolver.LookupNetIP(ctx, "ip", host) does.
type LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// Names looks names up off the loop.
type Names struct{ lookup LookupFunc }

// NewNames returns a Names that looks up with lookup; nil means net.DefaultResolver.
func NewNames(lookup LookupFunc) *Names { return &Names{lookup: lookup} }

// Lookup returns the cached answer; known is false when there is none yet.
func (n *Names) Lookup(host string) (ips []netip.Addr, known bool) { panic("being written") }

// Resolve starts or joins a look-up and calls then from another goroutine when
// it has ended. It returns false, and calls nothing, when too many wait.
func (n *Names) Resolve(host string, then func(ips []netip.Addr)) bool { panic("being written") }

// Close ends the look-ups under way and waits for them.
func (n *Names) Close() error { return nil }
