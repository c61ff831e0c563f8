package carrier

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
