package faraway

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is one end of a connection. What is written is never waited for, as with
// a socket whose buffers are large.
type Conn struct {
	way     time.Duration
	peer    *Conn
	local   net.Addr
	flights atomic.Int32

	mu       sync.Mutex
	changed  chan struct{} // closed when anything below changes
	queue    []parcel      // in the order of arrival
	closed   bool
	deadline time.Time // of Read
	heard    bool      // something was read since the last write, or nothing was written yet
}

// parcel is bytes under way, or an end.
type parcel struct {
	arrives time.Time
	bytes   []byte
	end     error
}

// pair returns both ends of a connection.
func pair(way time.Duration, from, to net.Addr) (near, far *Conn) {
	near = &Conn{way: way, local: from, changed: make(chan struct{}), heard: true}
	far = &Conn{way: way, local: to, changed: make(chan struct{}), heard: true}
	near.peer, far.peer = far, near
	return near, far
}

// Flights returns how often this end wrote after it had read, or first: each
// time it had waited for the other one.
func (c *Conn) Flights() int { return int(c.flights.Load()) }

// Read waits for what arrives.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		n, next, changed, err := c.read(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		timer := time.NewTimer(time.Until(next))
		if next.IsZero() {
			timer.Stop()
		}
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// read takes what has arrived. Otherwise it returns when there may be something
// to do, which is never if that is zero, and what tells of a change.
func (c *Conn) read(b []byte) (n int, next time.Time, changed <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
		return 0, next, nil, net.ErrClosed
	case !c.deadline.IsZero() && !now.Before(c.deadline):
		return 0, next, nil, os.ErrDeadlineExceeded
	case len(c.queue) == 0:
		return 0, c.deadline, c.changed, nil
	}
	first := &c.queue[0]
	if now.Before(first.arrives) {
		if next = first.arrives; !c.deadline.IsZero() && c.deadline.Before(next) {
			next = c.deadline
		}
		return 0, next, c.changed, nil
	}
	if first.end != nil {
		return 0, next, nil, first.end
	}
	c.heard = true
	n = copy(b, first.bytes)
	if first.bytes = first.bytes[n:]; len(first.bytes) == 0 {
		c.queue = c.queue[1:]
	}
	return n, next, nil, nil
}

// Write sends b on its way.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	closed := c.closed
	if !closed && c.heard {
		c.flights.Add(1)
		c.heard = false
	}
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if !c.peer.deliver(parcel{arrives: time.Now().Add(c.way), bytes: append([]byte(nil), b...)}) {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// deliver puts p into the queue of c, unless c is closed.
func (c *Conn) deliver(p parcel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.queue = append(c.queue, p)
	c.tell()
	return true
}

// tell wakes a Read. c.mu is held.
func (c *Conn) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Close ends the connection: the other end reads what is under way, and then
// io.EOF.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	c.tell()
	c.mu.Unlock()
	c.peer.deliver(parcel{arrives: time.Now().Add(c.way), end: io.EOF})
	return nil
}

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns that of the other.
func (c *Conn) RemoteAddr() net.Addr { return c.peer.local }

// SetDeadline is SetReadDeadline: writes do not wait.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline ends a Read at t.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.deadline = t
	c.tell()
	return nil
}

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
