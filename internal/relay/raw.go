package relay

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// opening is how many bytes of a connection are read without a buffer: those of
// the handshake and the request, of which nothing is there before it is waited
// for.
const opening = 16 << 10

// Raw is the conn under a tls.Conn, at either end. It adds three things: an end
// of the connection is [ErrTruncated] and not io.EOF (crypto/tls does not read
// on once it has close_notify, so every end that it sees came without); bytes
// are read as many at a time as there are, into a buffer that is held only
// until crypto/tls has taken them, a record at a time; and a tunnel can gather
// the records of one large write into one system call.
type Raw struct {
	net.Conn
	fd  syscall.RawConn // of the conn; nil if it has no descriptor
	src source          // of fd; nil likewise
	out io.Writer       // to the conn

	came    int     // bytes read, as far as they matter; of the one goroutine that reads
	framing framing // of what is read; likewise
	poll    bool    // Read returns syscall.EAGAIN where it would wait; likewise
	keeps   bool    // the tls.Conn keeps its own buffers; set before it is used

	in        sync.Mutex
	closed    bool
	buf       *buffer // what is read and not yet taken is buf[next:end]
	next, end int

	leaving atomic.Bool // crypto/tls is writing its close_notify

	mu      sync.Mutex
	gather  bool
	records *buffer // what is written and not yet sent
	held    int     // bytes in records
}

// NewRaw returns a Raw over c, which belongs to it from now on.
func NewRaw(c net.Conn) *Raw {
	fd := descriptor(dataConn(c))
	return &Raw{Conn: c, fd: fd, src: newSource(fd), out: newSink(c, fd)}
}

// NetConn returns the conn that r is over.
func (r *Raw) NetConn() net.Conn { return r.Conn }

// Heard tells whether anything has come from the peer. It is for the goroutine
// that reads.
func (r *Raw) Heard() bool { return r.came > 0 }

// Read reads from the conn. Its end is [ErrTruncated].
func (r *Raw) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.src == nil || r.came < opening && !r.poll {
		n, err := r.Conn.Read(p)
		r.came = min(r.came+n, opening)
		r.framing.skip(p[:n])
		return n, truncated(err)
	}
	if err := r.fill(!r.poll); err != nil {
		return 0, err
	}
	return r.take(p)
}

// take moves what was read into p, as far as that belongs to one record:
// crypto/tls keeps its buffer small as long as it is given no more, and has
// nothing to move to its front.
func (r *Raw) take(p []byte) (int, error) {
	r.in.Lock()
	defer r.in.Unlock()
	if r.buf == nil {
		return 0, net.ErrClosed
	}
	b := r.buf[r.next:r.end]
	n := r.framing.take(b[:min(len(p), len(b))])
	copy(p, b[:n])
	r.came = min(r.came+n, opening)
	if r.next += n; r.next == r.end {
		r.giveBack()
	}
	return n, nil
}

// fill makes sure that there are bytes to take.
func (r *Raw) fill(wait bool) error {
	if r.waiting() {
		return nil
	}
	buf, n, err := r.src.read(bufferSize, wait)
	if err != nil {
		return truncated(err)
	}
	r.in.Lock()
	defer r.in.Unlock()
	if r.closed {
		buffers.put(buf)
		return net.ErrClosed
	}
	r.buf, r.next, r.end = buf, 0, n
	return nil
}

// waiting reports whether there are bytes to take.
func (r *Raw) waiting() bool {
	r.in.Lock()
	defer r.in.Unlock()
	return r.buf != nil
}

// giveBack gives back the buffer. r.in is held.
func (r *Raw) giveBack() {
	if r.buf != nil {
		buffers.put(r.buf)
		r.buf = nil
	}
}

// Close closes the conn, and discards what was read and not taken.
func (r *Raw) Close() error {
	err := r.Conn.Close()
	r.in.Lock()
	defer r.in.Unlock()
	r.closed = true
	r.giveBack()
	return err
}

func truncated(err error) error {
	if err == io.EOF {
		return ErrTruncated
	}
	return err
}

// Write writes p, or keeps it until flush.
func (r *Raw) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gather {
		return r.Conn.Write(p)
	}
	if r.held+len(p) > bufferSize {
		if err := r.send(); err != nil {
			return 0, err
		}
	}
	if len(p) > bufferSize {
		return r.Conn.Write(p)
	}
	if r.records == nil {
		r.records = buffers.get()
	}
	r.held += copy(r.records[r.held:], p)
	return len(p), nil
}

// hold makes Write keep what is written until flush.
func (r *Raw) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather = true
}

// flush sends what was kept since hold.
func (r *Raw) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gather = false
	return r.send()
}

// send sends what is kept. r.mu is held.
func (r *Raw) send() error {
	if r.records == nil {
		return nil
	}
	defer r.sent()
	_, err := r.out.Write(r.records[:r.held])
	return err
}

// sent lets go of what is kept. r.mu is held.
func (r *Raw) sent() {
	buffers.put(r.records)
	r.records, r.held = nil, 0
}

// closeWrite sends the close_notify of the tls.Conn over r. crypto/tls gives it
// five seconds; behind bytes that a slow peer has yet to read it may need
// longer, so it is written here, and its deadline is not.
func (r *Raw) closeWrite(notify func() error) error {
	r.hold()
	r.leaving.Store(true)
	err := notify()
	r.leaving.Store(false)
	if e := r.flush(); err == nil {
		err = e
	}
	return err
}

// SetWriteDeadline sets the deadline of the conn.
func (r *Raw) SetWriteDeadline(t time.Time) error {
	if r.leaving.Load() {
		return nil
	}
	return r.Conn.SetWriteDeadline(t)
}
