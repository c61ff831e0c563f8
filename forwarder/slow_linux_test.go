package forwarder_test

import (
	"testing"

	"github.com/socksctl/socksctl/internal/sockstest"
	"github.com/socksctl/socksctl/internal/sockstest/rig"
)

func TestSlowClientsTLS(t *testing.T) {
	rig.SlowClients(t, 1, sockstest.TLS13, sockstest.MutualTLS)
}
