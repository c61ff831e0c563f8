package carrier

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
)

// The times that bound a Stream's writes.
const (
	defaultWriteTimeout = 30 * time.Second
	flushTimeout        = 500 * time.Millisecond // of what is queued at Close
)

// Stream is a Conn of frames on a net.Conn (docs/protocol.md), as a rule a
// *tls.Conn. A frame whose address cannot be read is dropped; one whose length
// cannot be told ends the carrier with [ErrFrame].
//
// What WriteBatch is given goes into a queue of 256 KiB, and is dropped as
// [DropFull] when that is full. Where the net.Conn can write without waiting (it has
// WriteNow), what is little goes at once. Else a goroutine that lives while the
// queue holds something writes all of it in one call. A Stream where nothing moves
// holds neither buffers nor goroutines.
type Stream struct {
	// DropEmpty drops empty datagrams on their way out, as [DropEmpty]. It is
	// for peers that are not ours: an empty frame puts some out of step and
	// makes others hang up.
	DropEmpty bool

	// WriteTimeout is how long a write may take before it ends the carrier, so
	// that a peer that does not read cannot hold it for ever; 0 is 30 seconds.
	WriteTimeout time.Duration

	conn    net.Conn
	now     prompt // conn, if it can write without waiting
	command socks5.Command
	drop    DropFunc
	in      frameReader

	mu      sync.Mutex
	idle    sync.Cond // mu; signalled when writing becomes false
	out     *outQueue // nil while nothing is queued
	rest    bool      // now has to be flushed
	writing bool      // a goroutine runs flush
	closed  bool
	err     error  // of the write that ended the carrier
	flush   func() // made once: a method value a start would allocate
}

// NewStream returns a Stream on conn, which belongs to it from here on, with
// the frames that command stands for, [socks5.UDPTun] or [socks5.FwdUDP]. It
// reads from r, which begins with what has been read of conn already; a nil r
// is conn. Set the exported fields before the first use.
func NewStream(conn net.Conn, r io.Reader, command socks5.Command, drop DropFunc) *Stream {
	if r == nil {
		r = conn
	}
	s := &Stream{conn: conn, command: command, drop: drop}
	s.now, _ = conn.(prompt)
	s.in = frameReader{r: r, command: command, drop: drop}
	s.idle.L = &s.mu
	s.flush = s.writeQueued
	return s
}

// ReadBatch implements [Conn]. The end of the stream between two frames is
// io.EOF, and inside of one io.ErrUnexpectedEOF. A read deadline of the conn
// interrupts it, and the next call goes on where it stopped.
func (s *Stream) ReadBatch(ds []Datagram) (int, error) {
	n, err := s.in.read(ds)
	if err == nil {
		return n, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return 0, s.err
	case s.closed:
		return 0, net.ErrClosed
	}
	return 0, err
}

// WriteBatch implements [Conn].
func (s *Stream) WriteBatch(ds []Datagram) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.closed:
		return net.ErrClosed
	}
	if s.out == nil {
		s.out = outQueues.Get().(*outQueue)
		s.out.n = 0
	}
	for i := range ds {
		s.queue(&ds[i])
	}
	switch {
	case s.out.n == 0:
		s.releaseQueue()
	case s.writing:
	case s.now != nil && s.out.n <= little:
		return s.writeNow()
	default:
		s.writing = true
		go s.flush()
	}
	return nil
}

// queue appends the frame of d or drops d; mu is held.
func (s *Stream) queue(d *Datagram) {
	switch {
	case len(d.Data) == 0 && s.DropEmpty:
		s.drop.Count(DropEmpty)
		return
	case s.out.n+3+socks5.AddrLen(d.Addr)+len(d.Data) > len(s.out.buf):
		s.drop.Count(DropFull)
		return
	}
	b, ok := appendFrame(s.out.buf[:s.out.n], s.command, d)
	if !ok {
		s.drop.Count(DropTooLong)
		return
	}
	s.out.n = len(b)
}

// releaseQueue gives the queue back; mu is held.
func (s *Stream) releaseQueue() {
	outQueues.Put(s.out)
	s.out = nil
}

// LocalAddr implements [Conn].
func (s *Stream) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// Close implements [Conn]. It waits half a second for what is queued to be
// written, and for the goroutine that writes.
func (s *Stream) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		if s.writing {
			_ = s.conn.SetWriteDeadline(time.Now().Add(flushTimeout))
		}
	}
	for s.writing {
		s.idle.Wait()
	}
	s.mu.Unlock()
	return s.conn.Close()
}
