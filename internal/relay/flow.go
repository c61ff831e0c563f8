package relay

import (
	"io"
	"sync/atomic"
	"syscall"
	"time"
)

// flow is one direction of a run.
type flow struct {
	*run
	src, dst *side
	count    *atomic.Int64
	shaper   Shaper // nil: no limit
	granted  int    // bytes that it has let pass and that are not taken yet
	before   int64  // count when it waited last
	again    func() // relay, made once, so that to go on with it allocates nothing
}

// light is how many bytes from one wait to the next do not make a direction busy.
const light = 64 << 10

// mover moves the bytes of a flow.
type mover interface {
	// move waits for bytes and moves those that are there. It returns false when
	// there will be no more, and then whether src has ended in order.
	move() (more, inOrder bool)
}

// begin moves early, and then what src sends.
func (f *flow) begin(early []byte) {
	if !f.writeInTurn(early) {
		f.over()
		return
	}
	m, err := f.mover()
	if err != nil {
		f.handOn(f.ended(err))
		return
	}
	f.again = func() { f.relay(m) }
	go f.again()
}

// relay moves bytes until src ends, and hands the end on. Moving them makes the
// stack of a goroutine four times as large as waiting for them needs, and a stack
// does not become smaller while its goroutine waits. So where little is moved at
// a time, it waits on a fresh one: a tunnel may be quiet for hours from here on.
func (f *flow) relay(m mover) {
	for {
		more, inOrder := m.move()
		if !more {
			f.handOn(inOrder)
			return
		}
		moved := f.count.Load()
		if moved-f.before < light {
			f.before = moved
			go f.again()
			return
		}
		f.before = moved
	}
}

// handOn ends the other side's stream, if this one's ended in order.
func (f *flow) handOn(inOrder bool) {
	if inOrder {
		if err := CloseWrite(f.dst.conn); err != nil {
			f.writeFailed("close write", err)
		}
	}
	f.over()
}

// mover returns the mover that costs least: through a pipe in the kernel, else
// through a buffer that is held only while bytes are under way, else through one
// that is held all the time, where there is no descriptor to wait on.
func (f *flow) mover() (mover, error) {
	if f.src.raw != nil && f.src.raw.src != nil {
		return newRecords(f)
	}
	src := newSource(f.src.data)
	if src == nil {
		return blocking{f}, nil
	}
	if s := newSplice(f, src); s != nil {
		return s, nil
	}
	return &plain{f, src}, nil
}

// plain moves what a socket receives.
type plain struct {
	*flow
	source source
}

func (p *plain) move() (more, inOrder bool) { return p.copyOnce(p.source) }

// copyOnce waits for bytes on src, and moves them.
func (f *flow) copyOnce(src source) (more, inOrder bool) {
	most, err := f.mayTake(src)
	if err != nil {
		return false, f.ended(err)
	}
	if f.dst.raw != nil {
		most = min(most, payloadSize)
	}
	buf, n, err := src.read(most, true)
	if err != nil {
		return false, f.ended(err)
	}
	f.took(n)
	more = f.write(buf[:n])
	buffers.put(buf)
	return more, false
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

func (r *records) move() (more, inOrder bool) {
	if r.empty {
		if err := r.src.raw.fill(true); err != nil {
			return false, r.ended(err)
		}
		r.empty = false
	}
	return r.drain()
}

// drain moves what is there.
func (r *records) drain() (more, inOrder bool) {
	buf := buffers.get()
	r.scratch.lend()
	n, err := readAvailable(r.src.tls, buf[:payloadSize])
	written := r.writeInTurn(buf[:n])
	buffers.put(buf)
	r.empty = err == syscall.EAGAIN
	if r.empty || err != nil || !written {
		r.scratch.takeBack()
	}
	if !written {
		return false, false
	}
	if err != nil && !r.empty {
		return false, r.ended(err)
	}
	return true, false
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

func (b blocking) move() (more, inOrder bool) {
	buf := buffers.get()
	defer buffers.put(buf)
	for {
		n, err := b.src.data.Read(buf[:payloadSize])
		if !b.writeInTurn(buf[:n]) {
			return false, false
		}
		if err != nil {
			return false, b.ended(err)
		}
	}
}

// write gives b to dst, and reports whether it took all of it.
func (f *flow) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	n, err := f.dst.write(b)
	f.moved(n)
	if err != nil {
		f.writeFailed("write", err)
	}
	return err == nil
}

// moved counts n bytes that dst took.
func (f *flow) moved(n int) {
	f.count.Add(int64(n))
	f.idle.Touch()
	f.patience.touch()
}

// ended takes the error that reading src ended with, and reports whether it is
// an end in order. If not, both directions end. What src sent before is with
// dst by now; what dst sends has nowhere to go.
func (f *flow) ended(err error) (inOrder bool) {
	if err == io.EOF {
		return true
	}
	if f.fail(&Error{f.src.name, "read", err}) {
		f.waits.end()
		Abort(f.src.conn)
		socket(f.dst.conn).SetReadDeadline(time.Unix(1, 0))
	}
	return false
}

// writeFailed ends both directions because dst takes no more. What it had sent
// before may still wait to be read: the other direction goes on until it has
// delivered that, for as long as lingering lets it.
func (f *flow) writeFailed(op string, err error) {
	if f.fail(&Error{f.dst.name, op, err}) {
		f.waits.endAfter(lingering)
		by := time.Now().Add(lingering)
		socket(f.dst.conn).SetReadDeadline(by)
		socket(f.src.conn).SetWriteDeadline(by)
		closeRead(f.dst.conn)
	}
}
