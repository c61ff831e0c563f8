package carrier

import (
	"io"
	"net"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Stream is a Conn of frames on a net.Conn.
type Stream struct {
	// DropEmpty drops empty datagrams on their way out: some peers lose step.
	DropEmpty bool
	// WriteTimeout is how long one write may take before it ends the carrier;
	// 0 means 30 seconds.
	WriteTimeout time.Duration

	conn net.Conn
}

// NewStream returns a Stream that owns conn, with the frames that command
// (socks5.UDPTun or socks5.FwdUDP) stands for. It reads from r, which holds what was already
// read of conn (nil: from conn). Set the exported fields before the first use.
func NewStream(conn net.Conn, r io.Reader, command socks5.Command, drop DropFunc) *Stream {
	return &Stream{conn: conn}
}

func (s *Stream) ReadBatch(ds []Datagram) (int, error) { panic("being written") }
func (s *Stream) WriteBatch(ds []Datagram) error       { panic("being written") }
func (s *Stream) LocalAddr() net.Addr                  { return s.conn.LocalAddr() }
func (s *Stream) Close() error                         { return s.conn.Close() }
