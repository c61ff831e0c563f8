package carrier

import (
	"net/netip"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Portable makes s move one datagram a call, as on systems without recvmmsg.
func (s *Socket) Portable() (err error) {
	s.t, err = newSingle(s.pc, s.drop)
	return err
}

// Portable makes p move one datagram a call.
func (p *Packet) Portable() (err error) {
	p.t, err = newSingle(p.pc, p.drop)
	return err
}

// The bounds that tests fill up.
const (
	QueueSize  = len(outQueue{}.buf)
	MaxHeld    = maxHeld
	MaxLookups = maxLookups
	MaxWaiting = maxWaiting
	MaxNames   = maxNames
	NameTTL    = nameTTL
	NoNameTTL  = noNameTTL
)

// Together returns how many of ds go as one.
func Together(ds []Datagram, longest int) int {
	ms := make([]message, len(ds))
	for i := range ds {
		ms[i] = message{peer: ds[i].Addr.AddrPort(), data: ds[i].Data}
	}
	return together(ms, longest)
}

// Split takes whole apart, limit datagrams at a time.
func Split(peer netip.AddrPort, whole []byte, segment, limit int) (all []Datagram) {
	ms := make([]message, limit)
	for at := 0; ; {
		var n int
		n, at = split(ms, peer, whole, at, segment)
		for _, m := range ms[:n] {
			all = append(all, Datagram{Addr: socks5.AddrFrom(m.peer), Data: m.data})
		}
		if at >= len(whole) {
			return all
		}
	}
}
