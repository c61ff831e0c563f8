package relay

import (
	"io"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// flow is one direction of a run. One goroutine has it at a time, or none while it
// is at rest.
type flow struct {
	*run
	src, dst *side
	count    *atomic.Int64
	shaper   Shaper // nil: no limit
	granted  int    // bytes that it has let pass and that are not taken yet
	before   int64  // count when it waited last, or when the alarm was set
	mover    mover
	again    func() // relay, made once, so that to go on with it allocates nothing
	rest
}

// light is how many bytes from one wait to the next do not make a direction busy.
const light = 64 << 10

// turn is how many bytes a direction moves before it lets others have the processor,
// if they wait for it. Go's scheduler would give it 10 ms.
const turn = 4 << 20

// mover moves the bytes of a flow.
type mover interface {
	// move waits for bytes and moves those that are there.
	move() outcome
}

// outcome is what came of waiting for bytes.
type outcome uint8

const (
	moved   outcome = iota // there may be more
	quiet                  // the alarm rang
	ended                  // src has ended in order
	aborted                // there will be no more, and the run fails
)

// begin moves early, and then what src sends.
func (f *flow) begin(early []byte) {
	if !f.writeInTurn(early) {
		f.over()
		return
	}
	if err := f.prepare(); err != nil {
		f.handOn(f.stopped(err))
		return
	}
	if f.renew() {
		return
	}
	f.relay()
}

// relay moves bytes until src ends, and hands the end on, or until f is at rest.
func (f *flow) relay() {
	for next := f.count.Load() + turn; ; {
		o := f.mover.move()
		if n := f.count.Load(); n >= next {
			next = n + turn
			runtime.Gosched()
		}
		switch {
		case o == quiet && f.toRest(), o == moved && f.renew():
			return
		case o == ended, o == aborted:
			f.handOn(o)
			return
		}
	}
}

// renew is for when bytes have moved. It sets the alarm if that is to be done. Where
// there is none it may have f go on with a fresh goroutine, and reports that: moving
// bytes makes the stack of a goroutine four times as large as waiting for them
// needs, and a stack does not become smaller while its goroutine waits. So where
// little is moved at a time it waits on a fresh one: a tunnel may be quiet for hours
// from here on.
func (f *flow) renew() bool {
	if !f.restless() {
		if f.unset {
			f.setAlarm()
		}
		return false
	}
	now := f.count.Load()
	little := now-f.before < light
	f.before = now
	if !little {
		return false
	}
	if f.again == nil {
		f.again = f.relay
	}
	go f.again()
	return true
}

// handOn ends the other side's stream, if this one's ended in order. That of a socket
// whose own has ended too is ended by its being closed, which is next.
func (f *flow) handOn(o outcome) {
	last := f.left.Load() == 1 && f.err.Load() == nil && f.dst.raw == nil && f.dst.fd != nil
	if o == ended && !last {
		if err := CloseWrite(f.dst.conn); err != nil {
			f.writeFailed("close write", err)
		}
	}
	f.over()
}

// prepare chooses the mover that costs least: through a pipe in the kernel, else
// through a buffer that is held only while bytes are under way, else through one
// that is held all the time, where there is no descriptor to wait on.
func (f *flow) prepare() (err error) {
	switch {
	case f.src.raw != nil && f.src.fd != nil:
		f.mover, err = newRecords(f)
	case f.src.fd == nil:
		f.mover, f.after = blocking{f}, 0
	case canSplice(f):
		f.mover = newSplice(f)
	default:
		f.mover = &plain{f, newSource(f.src.fd)}
	}
	return err
}

// plain moves what a socket receives.
type plain struct {
	*flow
	source source
}

func (p *plain) move() outcome { return p.copyOnce(p.source) }

// copyOnce waits for bytes on src, and moves them.
func (f *flow) copyOnce(src source) outcome {
	most, err := f.mayTake(src)
	if err != nil {
		return f.stopped(err)
	}
	if f.dst.raw != nil {
		most = min(most, payloadSize)
	}
	buf, n, err := src.read(most, true)
	if err != nil {
		return f.stopped(err)
	}
	defer buffers.put(buf)
	f.took(n)
	if !f.write(buf[:n]) {
		return aborted
	}
	return moved
}

// records moves what a tls.Conn over a Raw receives. The tls.Conn is read until
// it and its Raw hold nothing more, and only then is waited for the socket,
// without a buffer.
type records struct {
	*flow
	scratch scratch
	empty   bool // all that came is moved
}

func newRecords(f *flow) (*records, error) {
	if err := f.src.tls.Handshake(); err != nil {
		return nil, err
	}
	f.src.raw.poll = true
	return &records{flow: f, scratch: newScratch(f.src.tls, f.src.raw)}, nil
}

func (r *records) move() outcome {
	if r.empty {
		if err := r.src.raw.fill(true); err != nil {
			return r.stopped(err)
		}
		r.empty = false
	}
	return r.drain()
}

// drain moves what is there.
func (r *records) drain() outcome {
	buf := buffers.get()
	r.scratch.lend()
	n, err := readAvailable(r.src.tls, buf[:payloadSize])
	written := r.writeInTurn(buf[:n])
	buffers.put(buf)
	r.empty = err == syscall.EAGAIN || err != nil && r.rang(err)
	if r.empty || err != nil || !written {
		r.scratch.takeBack()
	}
	if !written {
		return aborted
	}
	if err != nil && !r.empty {
		return r.stopped(err)
	}
	return moved
}

// readAvailable reads from r until that fails or less than one TLS record fits
// into what is left of b.
func readAvailable(r io.Reader, b []byte) (n int, err error) {
	for err == nil && len(b)-n >= recordSize {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

// blocking moves bytes through one buffer.
type blocking struct{ *flow }

func (b blocking) move() outcome {
	buf := buffers.get()
	defer buffers.put(buf)
	for {
		n, err := b.src.data.Read(buf[:payloadSize])
		if !b.writeInTurn(buf[:n]) {
			return aborted
		}
		if err != nil {
			return b.stopped(err)
		}
	}
}

// write gives b to dst, and reports whether it took all of it.
func (f *flow) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	n, err := f.dst.write(b)
	f.passed(n)
	if err != nil {
		f.writeFailed("write", err)
	}
	return err == nil
}

// passed counts n bytes that dst took.
func (f *flow) passed(n int) {
	f.count.Add(int64(n))
	f.idle.Touch()
	f.patience.touch()
}

// stopped takes the error that waiting for src ended with. If it is neither the
// alarm nor an end in order, both directions end. What src sent before is with dst
// by now; what dst sends has nowhere to go.
func (f *flow) stopped(err error) outcome {
	if err == io.EOF {
		return ended
	}
	if f.rang(err) {
		return quiet
	}
	if f.fail(&Error{f.src.name, "read", err}) {
		f.waits.end()
		Abort(f.src.conn)
		f.opposite().interrupt(time.Unix(1, 0))
	}
	return aborted
}

// opposite returns the other direction.
func (f *flow) opposite() *flow {
	if f == &f.run.up {
		return &f.run.down
	}
	return &f.run.up
}

// writeFailed ends both directions because dst takes no more. What it had sent
// before may still wait to be read: the other direction goes on until it has
// delivered that, for as long as lingering lets it.
func (f *flow) writeFailed(op string, err error) {
	if f.fail(&Error{f.dst.name, op, err}) {
		f.waits.endAfter(lingering)
		by := time.Now().Add(lingering)
		f.opposite().interrupt(by)
		socket(f.src.conn).SetWriteDeadline(by)
		closeRead(f.dst.conn)
	}
}
