package relay_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
)

// What a write was told of a vanished peer counts more than the end that a read
// of TLS saw because of it; nothing else displaces the first failure.
func TestTLSVanishedPeerIsRecorded(t *testing.T) {
	for _, c := range []struct{ first, second, want error }{
		{relay.ErrTruncated, syscall.ETIMEDOUT, syscall.ETIMEDOUT},
		{relay.ErrTruncated, syscall.EHOSTUNREACH, syscall.EHOSTUNREACH},
		{relay.ErrTruncated, syscall.ECONNRESET, relay.ErrTruncated},
		{syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.ECONNRESET},
	} {
		got := relay.Recorded(&relay.Error{Side: "client", Op: "read", Err: c.first}, &relay.Error{Side: "client", Op: "write", Err: c.second})
		if !errors.Is(got, c.want) {
			t.Errorf("%v, then %v: got %v, want %v", c.first, c.second, got, c.want)
		}
	}
}
