package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/server"
)

// Whoever was accepted before a shutdown is served, however far it had come.
func TestShutdownServesTheAccepted(t *testing.T) {
	for _, greeted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k, record := newKeys(t), new(closed)
			s := &server.Server{TLS: k.config(t, "require"), Outbound: reachable(), Observer: record}
			m := serveMemory(t, s)
			raw, done := m.dial(), make(chan error, 1)
			shutDown := func() {
				time.Sleep(5 * time.Second)
				synctest.Wait()
				go func() { done <- s.Shutdown(context.Background()) }()
				time.Sleep(2 * time.Second)
			}
			if !greeted {
				shutDown()
			}
			c := k.dial(t, raw, true)
			greet(t, c)
			if greeted {
				shutDown()
			}
			request(t, c, 1)
			expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
			time.Sleep(time.Hour)
			select {
			case err := <-done:
				t.Errorf("Shutdown returned %v beside a tunnel", err)
			default:
			}
			raw.Close()
			if err := <-done; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if got := record.only(t).Stage(); got != server.StageRelay {
				t.Errorf("the session came to stage %v, want the relay", got)
			}
		})
	}
}

// Those that ask for nothing have a moment, and no time beyond what they had.
func TestShutdownWaitsForNobodySilent(t *testing.T) {
	for name, c := range map[string]struct {
		greets bool
		waits  time.Duration // before the shutdown
		want   time.Duration
	}{
		"connected only":     {false, 4 * time.Second, 3 * time.Second},
		"greeted":            {true, 4 * time.Second, 3 * time.Second},
		"with no time left":  {true, 9 * time.Second, time.Second},
		"connected just now": {false, 0, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			record := new(closed)
			s := &server.Server{Observer: record}
			m := serveMemory(t, s)
			conn := m.dial()
			defer conn.Close()
			if c.greets {
				greet(t, conn)
			}
			time.Sleep(c.waits)
			synctest.Wait()
			start := time.Now()
			go conn.Read(make([]byte, 1)) // ends with the connection
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := time.Since(start); got != c.want {
				t.Errorf("%s: it took %v, want %v", name, got, c.want)
			}
			ended := record.only(t)
			if got := ended.EndReason(); got != server.EndShutdown || !errors.Is(ended.Err(), server.ErrServerClosed) {
				t.Errorf("%s: ended for %s, %v, want the shutdown", name, got, ended.Err())
			}
		})
	}
}

// slowly is a login that takes its time.
type slowly struct{ takes time.Duration }

func (slowly) Method(*server.Session) byte { return 2 }

func (a slowly) Authenticate(_ context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	time.Sleep(a.takes)
	return server.Identity{User: login.Name}, nil
}

// A client that goes on is waited for, and so is a login that is being judged.
func TestShutdownLetsClientsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		s := &server.Server{Outbound: reachable(), Observer: record, Auth: []server.Authenticator{slowly{4 * time.Second}}}
		m := serveMemory(t, s)
		c, done := m.dial(), make(chan error, 1)
		synctest.Wait()
		go func() { done <- s.Shutdown(context.Background()) }()
		time.Sleep(2 * time.Second)
		send(t, c, 5, 1, 2)
		expect(t, c, 5, 2)
		time.Sleep(2 * time.Second)
		send(t, c, 1, 1, 'a', 1, 'b')
		expect(t, c, 1, 0)
		time.Sleep(time.Second)
		request(t, c, 1)
		expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		time.Sleep(time.Hour) // the deadlines are gone
		c.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := record.only(t).Stage(); got != server.StageRelay {
			t.Errorf("the session came to stage %v, want the relay", got)
		}
	})
}

// A warm connection may have a request under way: it has a moment.
func TestShutdownEndsTheWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, record, log := newKeys(t), new(closed), new(lines)
		s := &server.Server{TLS: k.config(t, "require"), Outbound: reachable(), Observer: record, Log: slog.New(slog.NewTextHandler(log, nil))}
		m := serveMemory(t, s)
		warm := func() net.Conn {
			c := k.dial(t, m.dial(), true, "socksctl/1")
			t.Cleanup(func() { c.NetConn().Close() })
			greet(t, c)
			synctest.Wait()
			return c
		}
		warm()
		used := warm()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(ctx) }()
		time.Sleep(2 * time.Second)
		request(t, used, 1)
		expect(t, used, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		ended := record.only(t)
		if took := ended.Closed().Sub(start); took != 3*time.Second || !errors.Is(ended.Err(), server.ErrServerClosed) {
			t.Errorf("the unused one ended after %v: %v, want 3s and ErrServerClosed", took, ended.Err())
		}
		if got := log.b.String(); !strings.Contains(got, "level=INFO msg=session ") || strings.Contains(got, "refused") {
			t.Errorf("got %q of the unused one, want a session and no refusal", got)
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context: the used one goes on", err)
		}
	})
}

// late is a listener that accepts one more connection as it is closed.
type late struct {
	*memory
	last net.Conn
}

func (l *late) Accept() (net.Conn, error) {
	c, err := l.memory.Accept()
	if err != nil && l.last != nil {
		c, err, l.last = l.last, nil, nil
	}
	return c, err
}

func TestShutdownServesWhatIsBeingAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &late{newMemory(), far}
		s := &server.Server{Outbound: reachable()}
		served, done := make(chan error, 1), make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		synctest.Wait()
		go func() { done <- s.Shutdown(context.Background()) }()
		admit(t, near)
		near.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
}

func TestCloseServesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &late{newMemory(), far}
		s := new(server.Server)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		over(t, near)
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
}
