package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// openers is how many apps open connections at a time.
const openers = 8

// Open opens tunnels. Those that it opened it returns with an error too.
func Open(ctx context.Context, w *Way, n int) ([]net.Conn, error) {
	return open(n, func() (net.Conn, error) { return w.Dial(ctx) })
}

// OpenUsed opens tunnels and has a byte echoed through each.
func OpenUsed(ctx context.Context, w *Way, n int) ([]net.Conn, error) {
	return open(n, func() (net.Conn, error) { return w.dialUsed(ctx) })
}

func open(n int, dial func() (net.Conn, error)) ([]net.Conn, error) {
	conns, errs := make([]net.Conn, n), make([]error, openers)
	var next atomic.Int64
	var running sync.WaitGroup
	for i := range openers {
		running.Go(func() { // ends when all are open or one fails
			for at := next.Add(1) - 1; int(at) < n && errs[i] == nil; at = next.Add(1) - 1 {
				conns[at], errs[i] = dial()
			}
		})
	}
	running.Wait()
	return conns, errors.Join(errs...)
}

// CloseAll closes what was opened of conns.
func CloseAll(conns []net.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

// dialUsed opens a tunnel and has its first byte echoed.
func (w *Way) dialUsed(ctx context.Context) (net.Conn, error) {
	c, err := w.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := use(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// use has the first byte echoed. It goes with what the app wants, as requests do.
func use(c net.Conn) error {
	c.SetDeadline(time.Now().Add(patience))
	one := make([]byte, 1)
	if _, err := c.Write([]byte{wantEcho, one[0]}); err != nil {
		return fmt.Errorf("send a byte: %w", err)
	}
	if _, err := io.ReadFull(c, one); err != nil {
		return fmt.Errorf("wait for the echo of a byte: %w", err)
	}
	return nil
}

// ping has a byte echoed, by way of a buffer for it.
func ping(c net.Conn, one []byte) error {
	c.SetDeadline(time.Now().Add(patience))
	const sent = 'x'
	one[0] = sent
	if _, err := c.Write(one); err != nil {
		return fmt.Errorf("send a byte: %w", err)
	}
	one[0] = 0
	if _, err := io.ReadFull(c, one); err != nil {
		return fmt.Errorf("wait for the echo of a byte: %w", err)
	}
	if one[0] != sent {
		return fmt.Errorf("echo: got %q, want %q", one[0], sent)
	}
	return nil
}
