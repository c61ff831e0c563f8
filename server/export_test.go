package server

import "net"

// Contacted returns how many hosts a socket of a Direct remembers.
func Contacted(pc net.PacketConn) int {
	p := pc.(*directPacket)
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.contacted)
}

// MaxContacted is how many it may.
const MaxContacted = maxContacted
