package traffic

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// OpenBlocks opens tunnels whose origin waits to be asked for blocks.
func OpenBlocks(ctx context.Context, w *Way, n int) ([]net.Conn, error) {
	return open(n, func() (net.Conn, error) {
		c, err := w.Dial(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write([]byte{wantBlocks}); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return c, block(c)
	})
}

// Burst has each of the tunnels carry a block at the same time, so many times.
func Burst(conns []net.Conn, times int) error {
	var first firstError
	var running sync.WaitGroup
	for _, c := range conns {
		running.Go(func() { // ends within the patience of an app
			for range times {
				if err := block(c); err != nil {
					first.set(err)
					return
				}
			}
		})
	}
	running.Wait()
	return first.get()
}

// block asks for a block and reads it.
func block(c net.Conn) error {
	c.SetDeadline(time.Now().Add(2 * patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write([]byte{'x'}); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, justReader{c}, chunk)
	return err
}

// justReader hides what would take the bytes another way.
type justReader struct{ io.Reader }
