package server_test

import (
	"slices"
	"testing"

	"github.com/socksctl/socksctl/internal/sockstest"
	"github.com/socksctl/socksctl/internal/sockstest/rig"
)

// The suite runs against a server that apps speak to directly. The names of the
// tests select it by carrier and by command.

func TestConformance(t *testing.T) { conform(t, streams(), sockstest.Plain) }

func TestConformanceTLS(t *testing.T) { conform(t, streams(), sockstest.TLS12, sockstest.TLS13) }

func TestConformanceMutualTLS(t *testing.T) { conform(t, streams(), sockstest.MutualTLS) }

func TestConformanceBIND(t *testing.T) { conform(t, sockstest.BIND()) }

func TestConformanceUDP(t *testing.T) { conform(t, slices.Concat(sockstest.UDP(), sockstest.Soak())) }

func TestConformanceRules(t *testing.T) { conform(t, sockstest.Rules()) }

// streams returns the statements of no test of their own.
func streams() []sockstest.Statement {
	return slices.Concat(sockstest.Negotiation(), sockstest.Login(), sockstest.Requests(), sockstest.Targets(),
		sockstest.Replies(), sockstest.Relay(), sockstest.TLS(), sockstest.Limits())
}

// conform runs statements over some carriers, or all.
func conform(t *testing.T, statements []sockstest.Statement, carriers ...sockstest.Carrier) {
	modes := slices.DeleteFunc(sockstest.Modes(0), func(m sockstest.Mode) bool {
		return len(carriers) > 0 && !slices.Contains(carriers, m.Carrier)
	})
	sockstest.Run(t, rig.Start, modes, statements)
}
