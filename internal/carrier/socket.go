package carrier

import "net"

// Socket is a Conn on a UDP socket that speaks to the far hosts themselves:
// without a header, and with addresses only.
type Socket struct{ pc *net.UDPConn }

// NewSocket returns a Conn on pc and owns it from here on.
func NewSocket(pc *net.UDPConn, drop DropFunc) (*Socket, error) { return &Socket{pc: pc}, nil }

func (s *Socket) ReadBatch(ds []Datagram) (int, error) { panic("being written") }
func (s *Socket) WriteBatch(ds []Datagram) error       { panic("being written") }
func (s *Socket) LocalAddr() net.Addr                  { return s.pc.LocalAddr() }
func (s *Socket) Close() error                         { return s.pc.Close() }
