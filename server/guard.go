package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// errOwn refuses a destination that no policy can allow.
var (
	errOwn         = fmt.Errorf("%w: a port of this server itself", ErrDenied)
	errUnspecified = fmt.Errorf("%w: the unspecified address", ErrDenied)
	errMulticast   = fmt.Errorf("%w: a multicast or broadcast address", ErrDenied)
)

// judge asks the guard and then the policy whether s may go on to t. Without a
// session, as in a Direct that is used by itself, everything is allowed.
func (s *Session) judge(ctx context.Context, t Target) error {
	if s == nil {
		return nil
	}
	err := s.server.guard(t)
	if err == nil && s.server.Policy == nil {
		return nil
	}
	if err == nil {
		err = s.server.Policy.Allow(ctx, s, t)
	}
	s.server.judged.add(t.Stage, err)
	if err == nil || errors.Is(err, ErrDenied) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDenied, err)
}

// guard refuses destinations that would lead back into this server or to many
// hosts at once, whatever the policy says.
func (s *Server) guard(t Target) error {
	addr := t.Addr.Addr()
	if !addr.IsValid() {
		return nil
	}
	switch t.Stage {
	case StageDial, StageDatagram:
	case StageRequest:
		if s.ownTCP.has(t.Addr) {
			return errOwn
		}
		return nil // BIND may name the unspecified address
	default:
		return nil
	}
	switch {
	case addr.IsUnspecified():
		return errUnspecified
	case addr.IsMulticast(), addr == broadcast:
		return errMulticast
	case t.Stage == StageDial && s.ownTCP.has(t.Addr), t.Stage == StageDatagram && s.ownUDP.has(t.Addr):
		return errOwn
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// ports is the addresses that a server has sockets on. It is asked for every
// datagram, so it takes its lock only when the port is one of them.
type ports struct {
	count [1 << 16]atomic.Int32 // of addresses, by port

	mu    sync.Mutex
	addrs map[netip.AddrPort]int
}

func (p *ports) add(ap netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addrs == nil {
		p.addrs = make(map[netip.AddrPort]int)
	}
	p.addrs[ap]++
	p.count[ap.Port()].Add(1)
}

func (p *ports) remove(ap netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count[ap.Port()].Add(-1)
	if p.addrs[ap]--; p.addrs[ap] == 0 {
		delete(p.addrs, ap)
	}
}

// has tells whether what goes to ap comes to one of the sockets.
func (p *ports) has(ap netip.AddrPort) bool {
	if p.count[ap.Port()].Load() == 0 {
		return false
	}
	p.mu.Lock()
	_, same := p.addrs[ap]
	_, four := p.addrs[netip.AddrPortFrom(netip.IPv4Unspecified(), ap.Port())]
	_, six := p.addrs[netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())]
	p.mu.Unlock()
	return same || (four || six) && isLocal(ap.Addr())
}

// isLocal tells whether addr is one of this host's. It asks the system, and is
// asked itself only when a port matched.
func isLocal(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // better refused than recursed into
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Unmap() == addr {
			return true
		}
	}
	return false
}
