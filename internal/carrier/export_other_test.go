//go:build !linux

package carrier

// Apart does nothing: no datagram travels otherwise.
func (s *Socket) Apart() error { return nil }

// Apart does nothing.
func (p *Packet) Apart() error { return nil }
