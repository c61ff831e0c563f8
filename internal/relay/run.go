package relay

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// lingering bounds how long bytes that were received before a failure may take
// to reach the other side.
const lingering = 10 * time.Second

// run is a tunnel at work.
type run struct {
	client, target side
	up, down       *atomic.Int64
	idle           idle
	err            atomic.Pointer[error] // the first failure
}

// side is one of the two conns.
type side struct {
	name string
	conn net.Conn // as it was given: it is what gets closed
	data net.Conn // what bytes move on
}

func newRun(t *Tunnel) *run {
	r := &run{
		client: side{"client", t.Client, dataConn(t.Client)},
		target: side{"target", t.Target, dataConn(t.Target)},
		up:     t.Up,
		down:   t.Down,
		idle:   idle{after: t.Idle},
	}
	if r.up == nil {
		r.up = new(atomic.Int64)
	}
	if r.down == nil {
		r.down = new(atomic.Int64)
	}
	return r
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

// watch makes ctx and the idle timeout abort r, until the func that it returns
// is called.
func (r *run) watch(ctx context.Context) (stop func()) {
	stopCtx := context.AfterFunc(ctx, func() { r.abort(context.Cause(ctx)) })
	stopIdle := r.idle.start(func() { r.abort(ErrIdle) })
	return func() {
		stopCtx()
		stopIdle()
	}
}

// clientToTarget is one direction, on the goroutine that called Run.
func (r *run) clientToTarget(early []byte) {
	f := flow{run: r, src: &r.client, dst: &r.target, count: r.up}
	if f.write(early) {
		f.relay()
	}
}

// targetToClient is the other direction.
func (r *run) targetToClient(done chan<- struct{}) {
	defer close(done)
	f := flow{run: r, src: &r.target, dst: &r.client, count: r.down}
	f.relay()
}

// fail records err if it is the first failure.
func (r *run) fail(err error) { r.err.CompareAndSwap(nil, &err) }

// abort ends both directions at once.
func (r *run) abort(err error) {
	r.fail(err)
	Abort(r.client.conn)
	Abort(r.target.conn)
}

// finish closes both conns after both directions have ended, and says how.
func (r *run) finish() error {
	err := r.err.Load()
	if err == nil {
		r.client.conn.Close()
		r.target.conn.Close()
		return nil
	}
	settle(r.client.conn)
	settle(r.target.conn)
	r.abort(*err)
	return *err
}

// flow is one direction of a run.
type flow struct {
	*run
	src, dst *side
	count    *atomic.Int64
}

// relay moves bytes until src ends, and hands the end on.
func (f *flow) relay() {
	if f.copy() {
		if err := CloseWrite(f.dst.conn); err != nil {
			f.writeFailed("close write", err)
		}
	}
}

// moved counts n bytes that dst took.
func (f *flow) moved(n int) {
	f.count.Add(int64(n))
	f.idle.touch()
}

// write gives b to dst, and reports whether it took all of it.
func (f *flow) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	n, err := f.dst.data.Write(b)
	f.moved(n)
	if err != nil {
		f.writeFailed("write", err)
	}
	return err == nil
}

// readFailed ends both directions because src cannot be read. What it sent
// before is with dst by now; what dst sends has nowhere to go.
func (f *flow) readFailed(err error) {
	f.fail(&Error{f.src.name, "read", err})
	Abort(f.src.conn)
	f.dst.conn.SetReadDeadline(time.Unix(1, 0))
}

// writeFailed ends both directions because dst takes no more. What it had sent
// before may still wait to be read: the other direction goes on until it has
// delivered that, for as long as lingering lets it.
func (f *flow) writeFailed(op string, err error) {
	f.fail(&Error{f.dst.name, op, err})
	by := time.Now().Add(lingering)
	f.dst.conn.SetReadDeadline(by)
	f.src.conn.SetWriteDeadline(by)
	closeRead(f.dst.conn)
}
