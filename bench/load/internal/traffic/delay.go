package traffic

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Delay is a relay whose bytes take some time each way. The bytes of a new
// connection wait for a round trip besides, as that of its handshake would take:
// the kernel completes it at once here.
type Delay struct {
	listener net.Listener
	target   string
	each     time.Duration
	running  sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// NewDelay listens on loopback, in front of a target, until Close.
func NewDelay(target string, each time.Duration) (*Delay, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &Delay{listener: l, target: target, each: each}
	d.running.Go(d.accept) // ends with the listener
	return d, nil
}

// Addr is where it listens.
func (d *Delay) Addr() string { return d.listener.Addr().String() }

// Close ends the listener and all connections, and waits for them.
func (d *Delay) Close() {
	d.listener.Close()
	d.mu.Lock()
	d.closed = true
	conns := d.conns
	d.mu.Unlock()
	CloseAll(conns)
	d.running.Wait()
}

func (d *Delay) accept() {
	for {
		near, err := d.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.DialTimeout("tcp", d.target, patience)
		if err != nil || !d.keep(near, far) {
			CloseAll([]net.Conn{near, far})
			continue
		}
		ready := time.Now().Add(2 * d.each)
		d.running.Go(func() { d.carry(far, near, ready) }) // both end when their conns do
		d.running.Go(func() { d.carry(near, far, ready) })
	}
}

func (d *Delay) keep(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, conns...)
	return !d.closed
}

// parcel is what was read at once, and when it arrives. The last one has an error.
type parcel struct {
	data []byte
	due  time.Time
	err  error
}

// carry moves what comes from src to dst, each read by itself, in order.
func (d *Delay) carry(dst, src net.Conn, ready time.Time) {
	parcels := make(chan parcel, 4096) // more than are under way within the delay
	d.running.Go(func() {              // ends when src does, as carry empties the channel
		defer close(parcels)
		for {
			data := make([]byte, 32<<10)
			n, err := src.Read(data)
			due := time.Now()
			if due.Before(ready) {
				due = ready
			}
			parcels <- parcel{data[:n], due.Add(d.each), err}
			if err != nil {
				return
			}
		}
	})
	for p := range parcels {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.data); err != nil {
			src.Close() // the rest fails at once
		}
		if p.err != nil {
			pass(dst, p.err)
		}
	}
}

// pass passes an end on: that of a direction, or of all.
func pass(c net.Conn, err error) {
	if half, ok := c.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
		half.CloseWrite()
		return
	}
	c.Close()
}
