package server

import (
	"net"
	"strconv"
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
