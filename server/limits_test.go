package server_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// reachable is an Outbound whose targets are in memory and say nothing.
func reachable() outbound {
	return outbound{packet: newSilent, listen: func() net.Listener { return newMemory() },
		dial: func(context.Context) (net.Conn, error) {
			_, far := net.Pipe()
			return far, nil
		}}
}

// admit sends a request for [target] and wants it to be carried out.
func admit(t *testing.T, c net.Conn) {
	t.Helper()
	greet(t, c)
	request(t, c, 1)
	expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
}

// gaveWay tells whether a record is of a session that was ended for another.
func gaveWay(s *server.Session) bool {
	return s.Err() != nil && strings.Contains(s.Err().Error(), "gave way")
}

// records returns what there is, once nothing moves any more.
func (c *closed) records() []*server.Session {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*server.Session(nil), c.sessions...)
}

// Slow clients cannot keep a new one out.
func TestHandshakesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		m := serveMemory(t, &server.Server{Outbound: reachable(), Observer: record, Limits: server.Limits{Handshakes: 8}})
		slow := make([]net.Conn, 50)
		for i := range slow {
			slow[i] = m.dial()
			defer slow[i].Close()
			if i%2 == 0 { // some have come half the way
				greet(t, slow[i])
			}
			synctest.Wait()
		}
		c := m.dial()
		defer c.Close()
		admit(t, c)
		sessions := record.records()
		if len(sessions) != 50-7 {
			t.Fatalf("%d gave way, want the %d oldest", len(sessions), 50-7)
		}
		for _, s := range sessions {
			if !gaveWay(s) || s.ID > 50-7 {
				t.Errorf("session %d ended: %v", s.ID, s.Err())
			}
		}
		greet(t, slow[49]) // the newest are still served
	})
}

func TestConnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, record := newKeys(t), new(closed)
		m := serveMemory(t, &server.Server{TLS: k.config(t, "require"), Outbound: reachable(), Observer: record, Limits: server.Limits{Conns: 3}})
		first := k.dial(t, m.dial(), true) // handshake done, nothing asked
		defer first.Close()
		warm := k.dial(t, m.dial(), true, "socksctl/1")
		defer warm.Close()
		greet(t, warm)
		synctest.Wait()
		busy := k.dial(t, m.dial(), true)
		defer busy.Close()
		admit(t, busy)
		gone := func(want uint64) {
			t.Helper()
			all := record.records()
			if len(all) == 0 || all[len(all)-1].ID != want || !gaveWay(all[len(all)-1]) {
				t.Fatalf("%d sessions ended, the last to be %d", len(all), want)
			}
		}
		fourth := k.dial(t, m.dial(), true)
		defer fourth.Close()
		gone(2) // the warm one, though it is not the oldest
		fifth := k.dial(t, m.dial(), true)
		defer fifth.Close()
		gone(1) // the oldest of those that have not asked
		admit(t, fourth)
		admit(t, fifth)
		sixth := m.dial()
		defer sixth.Close()
		over(t, sixth)
		all := record.records()
		if s := all[len(all)-1]; len(all) != 3 || s.ID != 6 || !errors.Is(s.Err(), server.ErrTooMany) || s.Stage() != server.StageAccept {
			t.Fatalf("%d records, the last of %d: %v", len(all), s.ID, s.Err())
		}
		fourth.NetConn().Close() // and its place is free
		synctest.Wait()
		seventh := k.dial(t, m.dial(), true)
		defer seventh.Close()
		admit(t, seventh)
	})
}

// Whatever a session comes to, its place is free afterwards: with room for one,
// the next of many gets in, and nobody has to give way.
func TestSlotsAreReleased(t *testing.T) {
	kinds := map[string]func(t *testing.T, c net.Conn){
		"nothing":        func(*testing.T, net.Conn) {},
		"other version":  func(t *testing.T, c net.Conn) { send(t, c, 4) },
		"no method":      func(t *testing.T, c net.Conn) { send(t, c, 5, 1, 9); expect(t, c, 5, 0xFF) },
		"refused":        func(t *testing.T, c net.Conn) { greet(t, c); request(t, c, 9); expectRefusal(t, c, 7) },
		"tunnel":         admit,
		"BIND":           func(t *testing.T, c net.Conn) { greet(t, c); request(t, c, 2); reply(t, c, socks5.Succeeded) },
		"UDP":            func(t *testing.T, c net.Conn) { greet(t, c); request(t, c, 0xF3); reply(t, c, socks5.Succeeded) },
		"request, ended": func(t *testing.T, c net.Conn) { greet(t, c); request(t, c, 1) },
	}
	for name, talk := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				record := new(closed)
				m := serveMemory(t, &server.Server{Outbound: reachable(), Observer: record, Limits: server.Limits{Conns: 1, Handshakes: 1, WarmUser: 1}})
				for range 30 {
					c := m.dial()
					talk(t, c)
					c.Close()
					time.Sleep(time.Minute)
				}
				sessions := record.records()
				if len(sessions) != 30 {
					t.Fatalf("%d records, want 30", len(sessions))
				}
				for _, s := range sessions {
					if gaveWay(s) || errors.Is(s.Err(), server.ErrTooMany) {
						t.Fatalf("session %d: %v", s.ID, s.Err())
					}
				}
			})
		})
	}
}

// scarce is a listener that lacks descriptors at first.
type scarce struct {
	*memory
	fails  int
	accept atomic.Int32
}

func (s *scarce) Accept() (net.Conn, error) {
	if int(s.accept.Add(1)) <= s.fails {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return s.memory.Accept()
}

func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &scarce{memory: newMemory(), fails: 10}
		serveOn(t, &server.Server{Outbound: reachable()}, l)
		begin := time.Now()
		c := l.dial()
		defer c.Close()
		// 5, 10, 20 ... 640 ms, then a second each
		if got, want := time.Since(begin), (5*255+2*1000)*time.Millisecond; got != want {
			t.Errorf("accepted after %v, want %v", got, want)
		}
		admit(t, c)
		if got := l.accept.Load(); got != 12 {
			t.Errorf("%d calls of Accept, want 12", got)
		}
	})
}

// Close does not wait for a pause to be over.
func TestAcceptPauseEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &scarce{memory: newMemory(), fails: 1 << 20}
		s := &server.Server{Outbound: reachable()}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		time.Sleep(10*time.Second + time.Millisecond)
		begin := time.Now()
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) || time.Since(begin) != 0 {
			t.Errorf("Serve returned %v after %v", err, time.Since(begin))
		}
	})
}

func TestWarmTimeoutTLS(t *testing.T) {
	cases := []struct {
		name      string
		auth      []server.Authenticator
		certified bool
		alpn      []string
		want      time.Duration
	}{
		{"proven", []server.Authenticator{byCertificate{}}, true, []string{"socksctl/1"}, 93 * time.Second},
		{"proven, one of two protocols", []server.Authenticator{byCertificate{}}, true, []string{"h2", "socksctl/1"}, 93 * time.Second},
		{"proven, no ALPN", []server.Authenticator{byCertificate{}}, true, nil, 10 * time.Second},
		{"proven, other ALPN", []server.Authenticator{byCertificate{}}, true, []string{"h2"}, 10 * time.Second},
		{"not proven", []server.Authenticator{server.NoAuth{}}, false, []string{"socksctl/1"}, 10 * time.Second},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, record := newKeys(t), new(closed)
				m := serveMemory(t, &server.Server{TLS: k.config(t, "request"), Auth: tc.auth, Observer: record})
				begin := time.Now()
				raw := m.dial()
				defer raw.Close()
				c := k.dial(t, raw, tc.certified, tc.alpn...)
				time.Sleep(3 * time.Second)
				greet(t, c)
				over(t, c)
				if got := time.Since(begin); got != tc.want {
					t.Errorf("ended after %v, want %v", got, tc.want)
				}
				raw.Close()
				if all := record.records(); len(all) != 1 || all[0].Stage() != server.StageRequest {
					t.Errorf("%d records, want one that came to the request", len(all))
				}
			})
		})
	}
}

// A warm connection is used as any other, and has no deadline then. Its session starts
// with the request, as one does for whom a connection is made.
func TestWarmIsUsedTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, record := newKeys(t), new(stages)
		s := &server.Server{TLS: k.config(t, "require"), Outbound: reachable(), Observer: record}
		m := serveMemory(t, s)
		c := k.dial(t, m.dial(), true, "socksctl/1")
		defer c.NetConn().Close()
		greet(t, c)
		time.Sleep(89 * time.Second)
		request(t, c, 1)
		expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		time.Sleep(time.Hour)
		send(t, c, 'x') // nobody reads it, but the server does
		s.Close()
		if used := record.only(t); used.Closed().Sub(used.Start) != time.Hour {
			t.Errorf("took %v, want 1h", used.Closed().Sub(used.Start))
		}
		if !slices.Contains(record.passed, "request 0s") {
			t.Errorf("got stages %q, want no wait for the request", record.passed)
		}
	})
}

func TestWarmIsBoundedByUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, record := newKeys(t), new(closed)
		byName := login(func(context.Context, *server.Session, server.Login) error { return nil })
		m := serveMemory(t, &server.Server{TLS: k.config(t, "none"), Auth: []server.Authenticator{byName}, Observer: record,
			Limits: server.Limits{WarmUser: 2}})
		for _, user := range []byte("abaaab") { // a's third and fourth cost its first and second
			raw := m.dial()
			defer raw.Close()
			c := k.dial(t, raw, false, "socksctl/1")
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 2)
			send(t, c, 1, 1, user, 1, 'p')
			expect(t, c, 1, 0)
			synctest.Wait()
		}
		all := record.records()
		if len(all) != 2 || all[0].ID != 1 || all[1].ID != 3 || !gaveWay(all[0]) || !gaveWay(all[1]) {
			t.Errorf("%d sessions ended, want 1 and 3", len(all))
		}
	})
}
