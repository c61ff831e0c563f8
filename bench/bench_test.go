package bench

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOperations does twice what each benchmark repeats: an operation that went
// wrong would be measured as a fast one.
func TestOperations(t *testing.T) {
	for name, open := range map[string]func(testing.TB) operation{
		"TLS_full":          func(t testing.TB) operation { return serverHandshake(t, false) },
		"TLS_full_bare":     func(t testing.TB) operation { return bareHandshake(t, false) },
		"TLS_resumed":       func(t testing.TB) operation { return serverHandshake(t, true) },
		"TLS_resumed_bare":  func(t testing.TB) operation { return bareHandshake(t, true) },
		"connect":           func(t testing.TB) operation { return connect(t, plainWay(t)) },
		"connect_login":     func(t testing.TB) operation { return connect(t, loginWay(t)) },
		"connect_TLS":       func(t testing.TB) operation { return connect(t, tlsWay(t)) },
		"connect_forwarder": func(t testing.TB) operation { return connect(t, forwarderWay(t)) },
		"connect_bare":      func(t testing.TB) operation { return connect(t, bareWay(t)) },
		"UDP":               func(t testing.TB) operation { return oneWindow(associate(t, plainWay(t).(*client.Dialer))) },
		"UDP_TLS":           func(t testing.TB) operation { return oneWindow(associate(t, tlsWay(t).(*client.Dialer))) },
		"UDP_forwarder":     func(t testing.TB) operation { return oneWindow(associate(t, forwarderWay(t).(*client.Dialer))) },
		"UDP_bare":          func(t testing.TB) operation { return oneWindow(bareUDP(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			do := open(t)
			for range 2 {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func oneWindow(c courier) operation { return func() error { return exchange(c, window) } }
