package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/server"
)

// from is a connection that seems to come from an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

// dialFrom connects from an address, "192.0.2.1".
func (m *memory) dialFrom(ip string) net.Conn {
	near, far := net.Pipe()
	m.conns <- from{far, &net.TCPAddr{IP: net.ParseIP(ip), Port: 9}}
	return near
}

// secret lets everyone in whose password is "right".
var secret = []server.Authenticator{login(func(_ context.Context, _ *server.Session, l server.Login) error {
	if l.Password != "right" {
		return server.ErrLogin
	}
	return nil
})}

// try logs in, and returns whether that worked; heard is false when the
// connection ended before a byte.
func try(t *testing.T, c net.Conn, user, password string) (heard, let bool) {
	t.Helper()
	defer c.Close()
	b := append([]byte{5, 1, 2, 1, byte(len(user))}, user...)
	go c.Write(append(append(b, byte(len(password))), password...)) // ends with c
	var got [4]byte
	n := 0
	for n < len(got) {
		m, err := c.Read(got[n:])
		n += m
		if err != nil {
			break
		}
	}
	if n == 4 && got != [4]byte{5, 2, 1, 0} && got != [4]byte{5, 2, 1, 1} {
		t.Errorf("got % x", got)
	}
	return n > 0, got == [4]byte{5, 2, 1, 0}
}

// conformance 17
func TestFailedLoginsLockAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		s := &server.Server{Auth: secret, Observer: record, Limits: server.Limits{LoginFailures: 3}}
		m := serveMemory(t, s)
		wants := func(ip, password string, heard, let bool) {
			t.Helper()
			if gotHeard, gotLet := try(t, m.dialFrom(ip), "alice", password); gotHeard != heard || gotLet != let {
				t.Fatalf("%s with a %s password: heard %v, let in %v, want %v and %v", ip, password, gotHeard, gotLet, heard, let)
			}
			synctest.Wait()
		}
		for range 3 {
			wants("192.0.2.1", "wrong", true, false)
		}
		wants("192.0.2.1", "right", false, false) // not even that
		wants("192.0.2.2", "right", true, true)
		for _, lock := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 900, 900} {
			lock *= time.Second
			time.Sleep(lock - time.Millisecond)
			wants("192.0.2.1", "right", false, false)
			time.Sleep(time.Millisecond)
			wants("192.0.2.1", "right", true, true) // which forgives nothing
			wants("192.0.2.1", "wrong", true, false)
			wants("192.0.2.1", "right", false, false)
		}
		time.Sleep(30*time.Minute + time.Millisecond)
		for range 2 { // all is forgotten
			wants("192.0.2.1", "wrong", true, false)
			wants("192.0.2.1", "right", true, true)
		}
		want := map[server.LoginResult]int64{
			{Method: "password"}: 1 + 9 + 2, {Method: "password", Reason: server.LoginWrong}: 3 + 9 + 2,
			{Method: "password", Reason: server.LoginLocked}: 1 + 2*9,
		}
		if diff := cmp.Diff(want, s.Logins()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		locked := 0
		for _, s := range record.records() {
			refused, _ := errors.AsType[*server.LoginError](s.Err())
			if refused != nil && refused.Reason == server.LoginLocked && s.Stage() == server.StageAccept {
				locked++
			}
		}
		if locked != 1+2*9 {
			t.Errorf("%d records of the lock, want %d", locked, 1+2*9)
		}
	})
}

// An address of IPv6 is its network's, as the rest of it can be chosen at will.
func TestFailedLoginsLockNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serveMemory(t, &server.Server{Auth: secret, Limits: server.Limits{LoginFailures: 3}})
		for i := range 3 {
			try(t, m.dialFrom(fmt.Sprintf("2001:db8::%d", i)), "alice", "wrong")
		}
		if heard, _ := try(t, m.dialFrom("2001:db8::9"), "alice", "right"); heard {
			t.Error("the network is not locked out")
		}
		if _, let := try(t, m.dialFrom("2001:db8:0:1::9"), "alice", "right"); !let {
			t.Error("another network is locked out")
		}
	})
}

// On this host users are locked out rather than the address that they share.
func TestFailedLoginsLockUserTLS(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			k := newKeys(t)
			s := &server.Server{Auth: secret, Limits: server.Limits{LoginFailures: 3}}
			if way == "TLS" {
				s.TLS = k.config(t, "none")
			}
			h := start(t, s)
			wants := func(user, password string, let bool) {
				t.Helper()
				var c net.Conn = h.dial(t)
				if way == "TLS" {
					c = k.dial(t, c, false)
				}
				if heard, got := try(t, c, user, password); !heard || got != let {
					t.Fatalf("%s with a %s password: heard %v, let in %v, want %v", user, password, heard, got, let)
				}
			}
			for range 2 {
				wants("alice", "wrong", false)
				wants("alice", "wrong", false)
				wants("alice", "right", true) // and all is forgiven
			}
			for range 3 {
				wants("alice", "wrong", false)
			}
			wants("alice", "right", false)
			wants("bob", "right", true)
		})
	}
}

// Guesses that were all asked before the first of them failed are not heard out:
// what comes after the limit is refused, right or wrong.
func TestManyGuessesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server.Server{Limits: server.Limits{LoginFailures: 3}}
		var mu sync.Mutex
		asked := 0
		s.Auth = []server.Authenticator{login(func(_ context.Context, _ *server.Session, l server.Login) error {
			mu.Lock()
			asked++
			turn := time.Duration(asked)
			mu.Unlock()
			time.Sleep(turn * time.Second / 100)
			if l.Password != "right" {
				return server.ErrLogin
			}
			return nil
		})}
		m := serveMemory(t, s)
		var all sync.WaitGroup
		for i := range 50 {
			password := "wrong"
			if i == 40 {
				password = "right"
			}
			all.Go(func() { try(t, m.dialFrom("192.0.2.1"), "alice", password) })
			synctest.Wait()
		}
		all.Wait()
		synctest.Wait()
		want := map[server.LoginResult]int64{
			{Method: "password", Reason: server.LoginWrong}: 3, {Method: "password", Reason: server.LoginLocked}: 47,
		}
		if diff := cmp.Diff(want, s.Logins()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// What failed for a fault, or in another way than by a wrong password, locks
// nobody out.
func TestFaultsLockNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := login(func(context.Context, *server.Session, server.Login) error { return errors.New("no disk") })
		s := &server.Server{Auth: []server.Authenticator{fault}, Limits: server.Limits{LoginFailures: 1}}
		m := serveMemory(t, s)
		for range 3 {
			if heard, _ := try(t, m.dialFrom("192.0.2.1"), "alice", "right"); !heard {
				t.Fatal("locked out")
			}
			c := m.dialFrom("192.0.2.1")
			send(t, c, 5, 1, 0)
			expect(t, c, 5, 0xFF)
			c.Close()
		}
		synctest.Wait()
		want := map[server.LoginResult]int64{
			{Method: "password", Reason: server.LoginFault}: 3, {Reason: server.LoginNoMethod}: 3,
		}
		if diff := cmp.Diff(want, s.Logins()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Guessers that are remembered have a bound.
func TestGuessersAreBounded(t *testing.T) {
	if got, most := server.Guessers(1<<17), 1<<16; got > most || got < most/2 {
		t.Errorf("%d guessers are remembered, want about %d", got, most)
	}
}
