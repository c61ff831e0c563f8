package carrier

import (
	"net"
	"sync"
	"time"
)

// outQueue is frames that wait for a write.
type outQueue struct {
	n   int
	buf [256 << 10]byte
}

var outQueues = sync.Pool{New: func() any { return new(outQueue) }}

// little is how much is written at once, on the goroutine that has it. To have
// another write it takes longer than that, but lets the next come meanwhile.
const little = 16 << 10

// prompt is a conn that can write without waiting.
type prompt interface {
	// WriteNow writes b as far as that does not wait, and reports whether that
	// was all of it. If not, Flush is to write the rest.
	WriteNow(b []byte) (all bool, err error)
	Flush() error
}

// writeNow writes what is queued, and leaves what would have to wait to a goroutine;
// mu is held.
func (s *Stream) writeNow() error {
	all, err := s.now.WriteNow(s.out.buf[:s.out.n])
	s.releaseQueue()
	if err != nil {
		s.fail(err)
		return err
	}
	if !all {
		s.rest, s.writing = true, true
		go s.flush()
	}
	return nil
}

// writeQueued writes the queue until it stays empty. It ends with that, or with
// the first error, which closes the connection and so ends the reader too.
func (s *Stream) writeQueued() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		s.writing = false
		s.idle.Broadcast()
	}()
	for s.rest || s.out != nil {
		if err := s.writeOn(); err != nil {
			s.fail(err)
			return
		}
	}
}

// writeOn writes what WriteNow has left, or else the queue; mu is held, but while it
// writes.
func (s *Stream) writeOn() (err error) {
	s.setWriteDeadline()
	if s.rest {
		s.rest = false
		s.mu.Unlock()
		defer s.mu.Lock()
		return s.now.Flush()
	}
	q := s.out
	s.out = nil
	s.mu.Unlock()
	defer s.mu.Lock()
	_, err = s.conn.Write(q.buf[:q.n])
	outQueues.Put(q)
	return err
}

// setWriteDeadline bounds the next write; mu is held, so that it cannot put off
// the deadline that Close has set.
func (s *Stream) setWriteDeadline() {
	if s.closed {
		return
	}
	timeout := s.WriteTimeout
	if timeout == 0 {
		timeout = defaultWriteTimeout
	}
	// A conn that cannot have a deadline says so in its Write.
	_ = s.conn.SetWriteDeadline(time.Now().Add(timeout))
}

// fail ends the carrier after a write error; mu is held.
func (s *Stream) fail(err error) {
	if s.out != nil {
		s.releaseQueue()
	}
	if !s.closed {
		s.err = err
	}
	// Under TLS the raw connection goes first: a close_notify would wait behind
	// the bytes that the peer does not take.
	if c, ok := s.conn.(interface{ NetConn() net.Conn }); ok {
		c.NetConn().Close()
	}
	s.conn.Close()
}
