package relay

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
)

// lingering bounds how long bytes that were received before a failure may take
// to reach the other side.
const lingering = 10 * time.Second

// run is a tunnel at work.
type run struct {
	client, target side
	up, down       flow
	waits          waits
	idle           Idle
	patience       *patience
	err            atomic.Pointer[error] // the first failure
	left           atomic.Int32          // directions that have not ended
	told           func(error)           // called at the end

	ending sync.Mutex
	isOver bool
}

func newRun(t *Tunnel, told func(error)) *run {
	r := &run{
		told:   told,
		client: newSide("client", t.Client),
		target: newSide("target", t.Target),
		idle:   Idle{After: t.Idle, Active: t.Active},

		patience: newPatience(t.Client, t.Target),
	}
	r.waits.limited = t.ShapeUp != nil || t.ShapeDown != nil
	after := cmp.Or(t.rest, restAfter)
	r.up = flow{run: r, src: &r.client, dst: &r.target, count: counter(t.Up), shaper: t.ShapeUp, rest: rest{after: after, unset: true}}
	r.down = flow{run: r, src: &r.target, dst: &r.client, count: counter(t.Down), shaper: t.ShapeDown, rest: rest{after: after, unset: true}}
	return r
}

// counter returns c, or another where there is none.
func counter(c *atomic.Int64) *atomic.Int64 {
	if c == nil {
		return new(atomic.Int64)
	}
	return c
}

// end aborts r for a reason, unless it is over.
func (r *run) end(reason error) {
	r.ending.Lock()
	defer r.ending.Unlock()
	if !r.isOver {
		r.abort(reason)
	}
}

// stop says that r is over, and waits for an abort under way.
func (r *run) stop() {
	r.patience.stop()
	r.waits.stop()
	r.ending.Lock()
	r.isOver = true
	r.ending.Unlock()
	r.idle.Stop()
}

// start starts what goes up; what comes down is the caller's to begin. They end when
// the conns do, fail or are aborted.
func (r *run) start(early []byte) {
	r.idle.Start(func() { r.end(ErrIdle) })
	r.up.before, r.down.before = r.up.count.Load(), r.down.count.Load()
	r.left.Store(2)
	go r.up.begin(early)
}

// over is called by each direction at its end. The second one's ends the run.
func (r *run) over() {
	if r.left.Add(-1) > 0 {
		return
	}
	err := r.finish()
	r.stop()
	r.told(err)
}

// fail records err, and reports whether it is the first failure. Those that
// follow are its consequences, but for one: when a write takes the system's word
// that the peer has vanished, the read beside it sees a mere end and may be first.
func (r *run) fail(err error) bool {
	if r.err.CompareAndSwap(nil, &err) {
		return true
	}
	if first := r.err.Load(); errors.Is(*first, ErrTruncated) && vanished(err) {
		r.err.CompareAndSwap(first, &err)
	}
	return false
}

// vanished tells whether err is the system's word for a peer that answers no
// more.
func vanished(err error) bool {
	return errno.Is(err, syscall.ETIMEDOUT, syscall.EHOSTUNREACH)
}

// abort ends both directions at once.
func (r *run) abort(err error) {
	r.fail(err)
	r.waits.end()
	Abort(r.client.conn)
	Abort(r.target.conn)
	r.up.interrupt(time.Unix(1, 0)) // what is at rest does not see that its socket is closed
	r.down.interrupt(time.Unix(1, 0))
}

// finish closes both conns after both directions have ended, and says how.
func (r *run) finish() error {
	err := r.err.Load()
	if err == nil {
		r.client.conn.Close()
		r.target.conn.Close()
		return nil
	}
	by := time.Now().Add(lingering)
	settle(r.client.conn, by)
	settle(r.target.conn, by)
	r.abort(*err)
	return *err
}

// side is one of the two conns.
type side struct {
	name string
	conn net.Conn        // as it was given: it is what gets closed
	data net.Conn        // what bytes move on
	tls  *tls.Conn       // data, if that is a tls.Conn over a Raw,
	raw  *Raw            // which is this
	fd   syscall.RawConn // of data, or under raw; nil: there is none
	sink io.Writer       // to data; made by the first write
}

func newSide(name string, c net.Conn) side {
	s := side{name: name, conn: c, data: dataConn(c)}
	if s.tls, s.raw = overRaw(s.data); s.raw != nil {
		s.fd = s.raw.fd
	} else {
		s.fd = descriptor(s.data)
	}
	return s
}

// dataConn returns what bytes of c move on: c without the wrappers that promise
// to be no more than that.
func dataConn(c net.Conn) net.Conn {
	for {
		w, ok := c.(interface{ RelayConn() net.Conn })
		if !ok {
			return c
		}
		c = w.RelayConn()
	}
}

// overRaw returns c as a tls.Conn and the Raw under it, or nil if it is not
// such a pair.
func overRaw(c net.Conn) (*tls.Conn, *Raw) {
	if t, ok := c.(*tls.Conn); ok {
		if raw, ok := t.NetConn().(*Raw); ok {
			return t, raw
		}
	}
	return nil, nil
}

// write writes b, with the records of TLS gathered.
func (s *side) write(b []byte) (int, error) {
	if s.raw == nil {
		if s.sink == nil {
			s.sink = newSink(s.data, s.fd)
		}
		return s.sink.Write(b)
	}
	s.raw.hold()
	n, err := s.tls.Write(b)
	if e := s.raw.flush(); e != nil {
		return 0, e
	}
	return n, err
}
