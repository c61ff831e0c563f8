package metrics

import (
	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/server"
)

// traffic is what sessions have moved.
type traffic struct {
	up, down                   [numCommands]int64 // bytes
	datagramsUp, datagramsDown int64
	drops                      [carrier.NumDrops]int64
}

// add adds what s has moved so far.
func (t *traffic) add(s *server.Session) {
	c := commandOf(s)
	t.up[c] += s.BytesUp.Load()
	t.down[c] += s.BytesDown.Load()
	if c != udp {
		return
	}
	t.datagramsUp += s.DatagramsUp.Load()
	t.datagramsDown += s.DatagramsDown.Load()
	dropped := s.Dropped()
	if len(dropped) == 0 {
		return
	}
	for d := range carrier.NumDrops {
		t.drops[d] += dropped[d.String()]
	}
}
