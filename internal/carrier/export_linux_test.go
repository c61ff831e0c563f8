package carrier

import "golang.org/x/sys/unix"

// Apart makes s send and receive each datagram by itself, as where the system
// cannot do better.
func (s *Socket) Apart() error { return apart(s.t) }

// Apart makes p send and receive each datagram by itself.
func (p *Packet) Apart() error { return apart(p.t) }

func apart(t transport) (err error) {
	m := t.(*mmsg)
	m.longest = 0
	if cerr := m.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 0) }); cerr != nil {
		return cerr
	}
	return err
}

// Messages returns how many messages the last call of the system brought.
func (s *Socket) Messages() int { return s.t.(*mmsg).got }

// Longest returns how long datagrams may be that go several at once.
func (s *Socket) Longest() int { return s.t.(*mmsg).longest }
