package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// half is an in-memory conn that can be closed one way.
type half struct {
	net.Conn          // what is read
	out      net.Conn // what is written
}

// halves returns the two ends of a connection.
func halves() (near, far *half) {
	upNear, upFar := net.Pipe()
	downNear, downFar := net.Pipe()
	return &half{Conn: downNear, out: upNear}, &half{Conn: upFar, out: downFar}
}

func (h *half) Write(b []byte) (int, error)        { return h.out.Write(b) }
func (h *half) CloseWrite() error                  { return h.out.Close() }
func (h *half) Close() error                       { return errors.Join(h.Conn.Close(), h.out.Close()) }
func (h *half) SetWriteDeadline(t time.Time) error { return h.out.SetWriteDeadline(t) }

func (h *half) SetDeadline(t time.Time) error {
	return errors.Join(h.Conn.SetDeadline(t), h.out.SetDeadline(t))
}

// TestHalfCloseLastsForMinutes ends one direction of a tunnel, and uses the other
// thirty minutes later.
func TestHalfCloseLastsForMinutes(t *testing.T) {
	for _, clientFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			app, accepted := halves()
			dialled, target := halves()
			m, record := open(t, outbound{dial: func(context.Context) (net.Conn, error) { return dialled, nil }})
			m.conns <- accepted
			greet(t, app)
			request(t, app, 1)
			expect(t, app, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
			first, second := app, target
			if !clientFirst {
				first, second = target, app
			}
			go first.CloseWrite()
			if rest, err := io.ReadAll(second); len(rest) > 0 || err != nil {
				t.Fatalf("got % x and %v, want the end", rest, err)
			}
			time.Sleep(30 * time.Minute)
			go func() { // ends when first has read it
				second.Write([]byte("late"))
				second.CloseWrite()
			}()
			expect(t, first, []byte("late")...)
			expectEnd(t, first)
			synctest.Wait()
			if err := record.only(t).Err(); err != nil {
				t.Errorf("the record says %v, want an end in order", err)
			}
			app.Close()
			target.Close()
		})
	}
}
