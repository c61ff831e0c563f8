package client

import (
	"net"
	"os"
	"sync"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// packetReader gives out the datagrams of a packetConn one by one, and by a
// deadline, which a carrier does not have. A goroutine of its own reads the
// carrier, from the first readFrom on and at most a batch ahead.
type packetReader struct {
	p      *packetConn
	latest deadline
	start  sync.Once
	run    sync.WaitGroup
	turn   chan struct{} // holds a token: who takes it may read
	full   chan int      // how many of batch were filled; closed when err is set
	empty  chan struct{} // batch may be filled again
	gone   chan struct{} // closed by close

	batch      [16]carrier.Datagram
	next, have int      // what of batch is left, for who has the turn
	owed       bool     // empty is to be told before the next batch
	err        error    // why there is no more
	from       net.Addr // the sender of the last datagram; the next is often the same
	fromAddr   socks5.Addr
}

func (r *packetReader) init(p *packetConn) {
	r.p = p
	r.turn = make(chan struct{}, 1)
	r.turn <- struct{}{}
	r.full = make(chan int)
	r.empty = make(chan struct{})
	r.gone = make(chan struct{})
}

// close ends every readFrom and waits for the goroutine, whose carrier must have
// been closed.
func (r *packetReader) close() {
	close(r.gone)
	r.start.Do(func() {}) // none is started from here on
	r.run.Wait()
}

// fill reads batches until the carrier ends or close is called.
func (r *packetReader) fill() {
	for {
		n, err := r.p.ReadBatch(r.batch[:])
		if err != nil {
			r.err = err
			close(r.full)
			return
		}
		select {
		case r.full <- n:
		case <-r.gone:
			return
		}
		select {
		case <-r.empty:
		case <-r.gone:
			return
		}
	}
}

// readFrom is ReadFrom of net.PacketConn.
func (r *packetReader) readFrom(b []byte) (int, net.Addr, error) {
	r.start.Do(func() { r.run.Go(r.fill) }) // ends with the carrier
	if _, _, err := receive(r, r.turn); err != nil {
		return 0, nil, err
	}
	defer func() { r.turn <- struct{}{} }()
	for r.next == r.have {
		if err := r.more(); err != nil {
			return 0, nil, err
		}
	}
	d := &r.batch[r.next]
	r.next++
	if r.from == nil || r.fromAddr != d.Addr {
		r.from, r.fromAddr = udpAddr(d.Addr), d.Addr
	}
	return copy(b, d.Data), r.from, nil
}

// more waits for the next batch.
func (r *packetReader) more() error {
	if r.owed {
		select {
		case r.empty <- struct{}{}:
			r.owed = false
		case <-r.gone:
			return net.ErrClosed
		}
	}
	n, open, err := receive(r, r.full)
	if err != nil {
		return err
	}
	if !open {
		return r.err
	}
	r.next, r.have, r.owed = 0, n, true
	return nil
}

// receive waits for ch, the deadline and the close of r, whichever comes first.
func receive[T any](r *packetReader, ch <-chan T) (v T, open bool, err error) {
	for !r.latest.over() {
		w := r.latest.current()
		select {
		case v, open = <-ch:
			return v, open, nil
		case <-r.gone:
			return v, false, net.ErrClosed
		case <-w.come:
		case <-w.moved:
		}
	}
	return v, false, os.ErrDeadlineExceeded
}
