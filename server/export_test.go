package server

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// Contacted returns how many hosts a socket of a Direct remembers.
func Contacted(pc net.PacketConn) int {
	p := pc.(*directPacket)
	p.contacted.mu.RLock()
	defer p.contacted.mu.RUnlock()
	return len(p.contacted.hosts)
}

// MaxContacted is how many it may.
const MaxContacted = maxContacts

// Accounts returns how many quotas have sessions.
func Accounts(s *Server) int {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	return len(s.accounts.byName)
}

// CrowdOf returns the address that a client counts under.
var CrowdOf = crowdOf

// Guessers returns how many are remembered when n have failed.
func Guessers(n int) int {
	var g guesses
	limits := Limits{}.withDefaults()
	for i := range n {
		g.failed(guesser{user: strconv.Itoa(i)}, &limits)
	}
	return len(g.by)
}

// MaxRemotes is how many far ends an association tells apart.
const MaxRemotes = maxRemotes

// CountRemotes returns what counts a datagram to each of n far ends, which have
// been counted once.
func CountRemotes(n int) func() {
	ds := make([]carrier.Datagram, n)
	for i := range ds {
		ds[i].Addr = socks5.Addr{IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Port: uint16(i)}
	}
	view := remoteView{remotes: new(remotes)}
	count := func() { view.countUp(ds, time.Now()) }
	count()
	return count
}

// Visit returns what counts a session of user in and out, as a CONNECT does.
func Visit(s *Server, user string) func() {
	s.init()
	session := &Session{server: s, Command: "connect", Identity: Identity{Method: "none", User: user}, Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}}
	return func() {
		s.waiting.add(session, 1<<16)
		s.logins.add(session.Identity.Method, nil)
		_ = s.accounts.enter(session)
		s.waiting.remove(session)
		_ = s.accounts.enter(session)
		s.giveBack(session)
	}
}

// HeldTo returns the names of the quotas that s counts in, and whether it has been
// counted at all.
func HeldTo(s *Session) (names []string, counted bool) {
	s.server.accounts.mu.Lock()
	defer s.server.accounts.mu.Unlock()
	if h := s.held.Load(); h != nil {
		for _, a := range h.accounts {
			names = append(names, a.quota.Name)
		}
	}
	return names, s.counted
}
