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

// writeQueued writes the queue until it stays empty. It ends with that, or with
// the first error, which closes the connection and so ends the reader too.
func (s *Stream) writeQueued() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		s.writing = false
		s.idle.Broadcast()
	}()
	for s.out != nil {
		q := s.out
		s.out = nil
		s.setWriteDeadline()
		s.mu.Unlock()
		_, err := s.conn.Write(q.buf[:q.n])
		outQueues.Put(q)
		s.mu.Lock()
		if err != nil {
			s.fail(err)
			return
		}
	}
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
