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
}

// relay moves bytes until src ends, and hands the end on.
func (f *flow) relay() {
	if f.copy() {
		if err := CloseWrite(f.dst.conn); err != nil {
			f.writeFailed("close write", err)
		}
	}
}

// copy moves bytes until src ends, and reports whether it ended in order. It
// takes the way that costs least: through a pipe in the kernel, else through a
// buffer that is held only while bytes are under way, else through one that is
// held all the time, where there is no descriptor to wait on.
func (f *flow) copy() bool {
	if f.src.raw != nil && f.src.raw.src != nil {
		return f.copyRecords()
	}
	src := newSource(f.src.data)
	if src == nil {
		return f.copyBlocking()
	}
	if s := newSplice(f, src); s != nil {
		return s.copy()
	}
	for {
		if more, inOrder := f.copyOnce(src); !more {
			return inOrder
		}
	}
}

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
	defer buffers.put(buf)
	f.took(n)
	return f.write(buf[:n]), false
}

// copyRecords moves what a tls.Conn over a Raw receives. The tls.Conn is read
// until it and its Raw hold nothing more, and only then is waited for the
// socket, without a buffer.
func (f *flow) copyRecords() bool {
	if err := f.src.tls.Handshake(); err != nil {
		return f.ended(err)
	}
	f.src.raw.poll = true
	own := newScratch(f.src.tls, f.src.raw)
	defer own.takeBack()
	for {
		buf := buffers.get()
		own.lend()
		n, err := readAvailable(f.src.tls, buf[:payloadSize])
		written := f.writeInTurn(buf[:n])
		buffers.put(buf)
		if !written {
			return false
		}
		if err == syscall.EAGAIN {
			own.takeBack()
			err = f.src.raw.fill(true)
		}
		if err != nil {
			return f.ended(err)
		}
	}
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

// copyBlocking moves bytes through one buffer.
func (f *flow) copyBlocking() bool {
	buf := buffers.get()
	defer buffers.put(buf)
	for {
		n, err := f.src.data.Read(buf[:payloadSize])
		if !f.writeInTurn(buf[:n]) {
			return false
		}
		if err != nil {
			return f.ended(err)
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
