package server_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// open is a server with the default limits, its record, and its listener.
func open(t *testing.T, o server.Outbound) (*memory, *closed) {
	t.Helper()
	record := new(closed)
	return serveMemory(t, &server.Server{Outbound: o, Observer: record}), record
}

func TestHandshakeDeadline(t *testing.T) {
	cases := map[string]func(net.Conn){
		"silence":          func(net.Conn) {},
		"after methods":    func(c net.Conn) { c.Write([]byte{5, 2, 0}) },
		"a byte at a time": dripGreeting,
	}
	for name, talk := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, record := open(t, outbound{})
				start := time.Now()
				c := m.dial()
				defer c.Close()
				var talking sync.WaitGroup
				defer talking.Wait()
				talking.Go(func() { talk(c) })
				expectEnd(t, c)
				if got := time.Since(start); got != 10*time.Second {
					t.Errorf("ended after %v, want 10s", got)
				}
				c.Close()
				synctest.Wait()
				if err := record.only(t).Err(); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("record says %v, want a deadline", err)
				}
			})
		})
	}
}

// dripGreeting sends a long greeting, a byte every 0.9 s.
func dripGreeting(c net.Conn) {
	for _, b := range append([]byte{5, 200}, make([]byte, 200)...) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(900 * time.Millisecond)
	}
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, record := open(t, outbound{})
		c := m.dial()
		defer c.Close()
		greet(t, c)
		start := time.Now()
		request(t, c, 1)
		expectRefusal(t, c, 6)
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("refused after %v, want 10s", got)
		}
		expectEnd(t, c)
		synctest.Wait()
		s := record.only(t)
		if s.Stage() != server.StageDial || socks5.ReplyFor(s.Err()) != socks5.TTLExpired {
			t.Errorf("record: stage %v, err %v", s.Stage(), s.Err())
		}
	})
}

func TestBINDTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := newMemory()
		m, _ := open(t, outbound{listen: func() net.Listener { return waiting }})
		c := m.dial()
		defer c.Close()
		greet(t, c)
		request(t, c, 2)
		expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		start := time.Now()
		expectRefusal(t, c, 6)
		if got := time.Since(start); got != 300*time.Second {
			t.Errorf("reply 2 after %v, want 300s", got)
		}
		expectEnd(t, c)
	})
}

func TestBINDClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := newMemory()
		m, record := open(t, outbound{listen: func() net.Listener { return waiting }})
		c := m.dial()
		greet(t, c)
		request(t, c, 2)
		expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		c.Close()
		synctest.Wait()
		select {
		case <-waiting.done:
		default:
			t.Error("the listener is still open")
		}
		if err := record.only(t).Err(); err == nil {
			t.Error("the record has no reason")
		}
	})
}

func TestUDPIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, record := open(t, outbound{packet: newSilent})
		c := m.dial()
		defer c.Close()
		greet(t, c)
		request(t, c, 0xF3)
		expect(t, c, 5, 0, 0, 1, 192, 0, 2, 1, 0, 9)
		time.Sleep(100 * time.Second)
		send(t, c, 0, 1, 0xFF, 1, 192, 0, 2, 7, 0, 53, 'x') // traffic: the time begins anew
		if got := expectEnd(t, c); got != 120*time.Second {
			t.Errorf("ended %v after the last datagram, want 120s", got)
		}
		synctest.Wait()
		s := record.only(t)
		if !errors.Is(s.Err(), relay.ErrIdle) || s.DatagramsUp.Load() != 1 || s.BytesUp.Load() != 1 {
			t.Errorf("record: %v, %d datagrams, %d bytes up", s.Err(), s.DatagramsUp.Load(), s.BytesUp.Load())
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		record := new(closed)
		m := serveMemory(t, &server.Server{
			Outbound: outbound{dial: func(context.Context) (net.Conn, error) { return far, nil }},
			Observer: record, Limits: server.Limits{Idle: time.Minute},
		})
		c := m.dial()
		defer c.Close()
		greet(t, c)
		request(t, c, 1)
		expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		for range 3 { // one way only keeps it open
			time.Sleep(50 * time.Second)
			send(t, near, 'x')
			expect(t, c, 'x')
		}
		time.Sleep(time.Minute + time.Nanosecond)
		synctest.Wait()
		s := record.only(t)
		if !errors.Is(s.Err(), relay.ErrIdle) || s.BytesDown.Load() != 3 {
			t.Errorf("record: %v, %d bytes down, want idle and 3", s.Err(), s.BytesDown.Load())
		}
	})
}
