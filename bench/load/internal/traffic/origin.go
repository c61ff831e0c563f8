// Package traffic is both ends of what goes through a proxy: the apps, which
// speak SOCKS, and the origins that they reach.
package traffic

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// What an app wants of an origin is the first byte that it sends.
const (
	wantEcho     = 'E' // each byte comes back by itself
	wantDownload = 'D' // bytes until the app closes
	wantUpload   = 'U' // nothing: the app sends
	wantBlocks   = 'B' // a block of bytes for each byte
)

// chunk is what bulk writes and reads have.
const chunk = 256 << 10

// Origin is a server of every scenario that runs over TCP.
type Origin struct {
	listener net.Listener
	taken    atomic.Int64 // bytes that were uploaded
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once it is closed
}

// NewOrigin listens on loopback and serves until Close.
func NewOrigin() (*Origin, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &Origin{listener: l, conns: make(map[net.Conn]struct{})}
	o.running.Go(o.accept) // ends with the listener
	return o, nil
}

// Addr is where it listens.
func (o *Origin) Addr() string { return o.listener.Addr().String() }

// Close ends the listener and all connections, and waits for them.
func (o *Origin) Close() {
	o.listener.Close()
	o.mu.Lock()
	conns := o.conns
	o.conns = nil
	o.mu.Unlock()
	for c := range conns {
		c.Close()
	}
	o.running.Wait()
}

func (o *Origin) accept() {
	for {
		c, err := o.listener.Accept()
		if err != nil {
			return
		}
		if !o.keep(c) {
			c.Close()
			continue
		}
		o.running.Go(func() { // ends when c is closed, by the app or by Close
			o.serve(c)
			o.drop(c)
			c.Close()
		})
	}
}

func (o *Origin) keep(c net.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conns == nil {
		return false
	}
	o.conns[c] = struct{}{}
	return true
}

func (o *Origin) drop(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.conns, c)
}

func (o *Origin) serve(c net.Conn) {
	want := make([]byte, 1)
	if _, err := io.ReadFull(c, want); err != nil {
		return
	}
	switch want[0] {
	case wantEcho:
		echo(c, want)
	case wantDownload:
		fill(c)
	case wantUpload:
		count(c, &o.taken)
	case wantBlocks:
		blocks(c, want)
	}
}

// echo sends back what it reads, a buffer at a time, which is a byte: an idle
// connection takes no more.
func echo(c net.Conn, buffer []byte) {
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
		if _, err := c.Write(buffer); err != nil {
			return
		}
	}
}

// blocks answers each byte with a block.
func blocks(c net.Conn, buffer []byte) {
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
		if _, err := c.Write(make([]byte, chunk)); err != nil {
			return
		}
	}
}

// fill writes until that fails.
func fill(c net.Conn) {
	for buffer := make([]byte, chunk); ; {
		if _, err := c.Write(buffer); err != nil {
			return
		}
	}
}

// count reads until that fails.
func count(c net.Conn, into *atomic.Int64) {
	for buffer := make([]byte, chunk); ; {
		n, err := c.Read(buffer)
		into.Add(int64(n))
		if err != nil {
			return
		}
	}
}
