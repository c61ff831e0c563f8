package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

var errEnd = errors.New("ended by the test")

func TestRecordOfConnect(t *testing.T) {
	h := start(t, &server.Server{})
	client, target := h.tunnel(t)
	send(t, client, []byte("hello")...)
	expect(t, target, []byte("hello")...)
	send(t, target, []byte("hi")...)
	expect(t, client, []byte("hi")...)
	s := h.admitted(t)
	if s.Err() != nil || !s.Closed().IsZero() || s.Stage() != server.StageRelay {
		t.Errorf("running session: err %v, closed %v, stage %v", s.Err(), s.Closed(), s.Stage())
	}
	client.CloseWrite()
	ended(t, target)
	target.Close()
	ended(t, client)
	if got := h.record(t); got != s {
		t.Error("Closed and Opened tell of two sessions")
	}
	want := fmt.Sprint("connect 127.0.0.1 ", target.LocalAddr(), " ", target.RemoteAddr(), " 5 2 none <nil>")
	got := fmt.Sprint(s.Command, " ", s.Host, " ", s.Resolved(), " ", s.Bound(), " ",
		s.BytesUp.Load(), " ", s.BytesDown.Load(), " ", s.Identity.Method, " ", s.Err())
	if got != want {
		t.Errorf("record: got %s, want %s", got, want)
	}
	if s.Port != s.Resolved().Port() || s.Listener != h.addr || s.Client.String() != client.LocalAddr().String() || s.Closed().Before(s.Start) {
		t.Errorf("record: %+v", s)
	}
}

// Whatever comes of a connection, it leaves one record, and the observer heard
// of its beginning only if it was admitted.
func TestRecordOfEveryAttempt(t *testing.T) {
	taken := listenTCP(t, "127.0.0.1:0")
	refusing := taken.Addr().String()
	taken.Close()
	deny := server.PolicyFunc(func(_ context.Context, s *server.Session, t server.Target) error {
		if t.Host == "denied.example" {
			s.SetRule("no. 1")
			return errEnd
		}
		return nil
	})
	cases := map[string]struct {
		talk   func(t *testing.T, c net.Conn)
		stage  server.Stage
		err    error
		opened int
	}{
		"nothing":       {func(t *testing.T, c net.Conn) { c.Close() }, server.StageGreeting, io.EOF, 0},
		"other version": {func(t *testing.T, c net.Conn) { send(t, c, 4); ended(t, c) }, server.StageGreeting, socks5.ErrVersion, 0},
		"no method": {func(t *testing.T, c net.Conn) {
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 0xFF)
		}, server.StageLogin, server.ErrLogin, 0},
		"half a request": {func(t *testing.T, c net.Conn) {
			greet(t, c)
			send(t, c, 5, 1, 0)
			c.Close()
		}, server.StageRequest, io.EOF, 0},
		"denied": {func(t *testing.T, c net.Conn) { ask(t, c, 1, "denied.example:80", socks5.NotAllowed) },
			server.StageRequest, errEnd, 0},
		"refused by the target": {func(t *testing.T, c net.Conn) { ask(t, c, 1, refusing, socks5.ConnectionRefused) },
			server.StageDial, syscall.ECONNREFUSED, 1},
		"no such command": {func(t *testing.T, c net.Conn) { ask(t, c, 9, refusing, socks5.CommandNotSupported) },
			server.StageRequest, errors.ErrUnsupported, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := start(t, &server.Server{Policy: deny})
			c := h.dial(t)
			tc.talk(t, c)
			c.Close()
			s := h.record(t)
			if s.Stage() != tc.stage || !isError(s.Err(), tc.err) && !errors.Is(s.Err(), io.ErrUnexpectedEOF) {
				t.Errorf("got stage %v, err %v, want %v, %v", s.Stage(), s.Err(), tc.stage, tc.err)
			}
			h.Close()
			if len(h.closed) != 0 || len(h.opened) != tc.opened {
				t.Errorf("told of %d ends more and %d beginnings, want 0 and %d", len(h.closed), len(h.opened), tc.opened)
			}
			if denied := tc.err == errEnd; errors.Is(s.Err(), server.ErrDenied) != denied || (s.Rule() == "no. 1") != denied {
				t.Errorf("denied %v, by rule %q, want %v", s.Err(), s.Rule(), denied)
			}
		})
	}
}

// isError is errors.Is, with the codes that this system has for those of package syscall.
func isError(err, want error) bool {
	code, isCode := errors.AsType[syscall.Errno](want)
	return errors.Is(err, want) || isCode && errno.Is(err, code)
}

// stuck dials until its context ends.
var stuck = outbound{}

func TestEndWithReason(t *testing.T) {
	cases := map[string]struct {
		outbound server.Outbound
		begin    func(t *testing.T, h *harness, c *net.TCPConn)
		stage    server.Stage
	}{
		"tunnel": {nil, func(t *testing.T, h *harness, c *net.TCPConn) {
			addr, conns := origin(t)
			ask(t, c, 1, addr, socks5.Succeeded)
			next(t, "connection", conns)
		}, server.StageRelay},
		"BIND":        {nil, func(t *testing.T, h *harness, c *net.TCPConn) { ask(t, c, 2, "127.0.0.1:9", socks5.Succeeded) }, server.StagePeer},
		"UDP":         {nil, func(t *testing.T, h *harness, c *net.TCPConn) { ask(t, c, 3, "0.0.0.0:0", socks5.Succeeded) }, server.StageRelay},
		"UDP frames":  {nil, func(t *testing.T, h *harness, c *net.TCPConn) { ask(t, c, 0xF3, "0.0.0.0:0", socks5.Succeeded) }, server.StageRelay},
		"dial":        {stuck, func(t *testing.T, h *harness, c *net.TCPConn) { greet(t, c); request(t, c, 1) }, server.StageDial},
		"UDP set-up":  {stuck, func(t *testing.T, h *harness, c *net.TCPConn) { greet(t, c); request(t, c, 3) }, server.StageDial},
		"BIND set-up": {stuck, func(t *testing.T, h *harness, c *net.TCPConn) { greet(t, c); request(t, c, 2) }, server.StageDial},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := start(t, &server.Server{Outbound: tc.outbound})
			c := h.dial(t)
			tc.begin(t, h, c)
			h.admitted(t).End(errEnd)
			over(t, c)
			s := h.record(t)
			if s.Err() != errEnd || s.Stage() != tc.stage {
				t.Errorf("got %v at %v, want %v at %v", s.Err(), s.Stage(), errEnd, tc.stage)
			}
		})
	}
}

// A session that is not admitted yet is reached through the login.
func TestEndDuringLogin(t *testing.T) {
	h := start(t, &server.Server{Auth: []server.Authenticator{login(func(ctx context.Context, s *server.Session, _ server.Login) error {
		s.End(errEnd)
		<-ctx.Done()
		return ctx.Err()
	})}})
	c := h.dial(t)
	send(t, c, 5, 1, 2, 1, 1, 'u', 1, 'p')
	if s := h.record(t); s.Err() != errEnd || s.Stage() != server.StageLogin {
		t.Errorf("got %v at %v", s.Err(), s.Stage())
	}
}

// login is an Authenticator that asks for a name and password.
type login func(ctx context.Context, s *server.Session, l server.Login) error

func (login) Method(*server.Session) byte { return socks5.MethodPassword }

func (f login) Authenticate(ctx context.Context, s *server.Session, l server.Login) (server.Identity, error) {
	return server.Identity{User: l.Name, Method: "password"}, f(ctx, s, l)
}

// The deadline of the handshake reaches an authenticator that asks elsewhere.
func TestLoginDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		m := serveMemory(t, &server.Server{Observer: record, Auth: []server.Authenticator{
			login(func(ctx context.Context, _ *server.Session, _ server.Login) error {
				<-ctx.Done()
				return ctx.Err()
			}),
		}})
		begin := time.Now()
		c := m.dial()
		defer c.Close()
		send(t, c, 5, 1, 2)
		expect(t, c, 5, 2)
		time.Sleep(3 * time.Second)
		send(t, c, 1, 1, 'u', 1, 'p')
		time.Sleep(7*time.Second - time.Nanosecond)
		synctest.Wait()
		record.mu.Lock()
		if n := len(record.sessions); n != 0 {
			t.Errorf("%d sessions ended early", n)
		}
		record.mu.Unlock()
		over(t, c)
		c.Close()
		synctest.Wait()
		if s := record.only(t); !errors.Is(s.Err(), context.DeadlineExceeded) || s.Closed().Sub(begin) != 10*time.Second {
			t.Errorf("got %v after %v", s.Err(), s.Closed().Sub(begin))
		}
	})
}

// An end that comes from the far side is not the client's.
func TestUDPFarEndIsRecorded(t *testing.T) {
	far := fmt.Errorf("far proxy: %w", io.EOF)
	h := start(t, &server.Server{Outbound: outbound{packet: func() net.PacketConn { return &failing{newSilent(), far} }}})
	for _, command := range []byte{3, 0xF3} {
		c := h.dial(t)
		ask(t, c, command, "0.0.0.0:0", socks5.Succeeded)
		ended(t, c)
		if s := h.record(t); !errors.Is(s.Err(), far) {
			t.Errorf("command %02x: got %v, want %v", command, s.Err(), far)
		}
	}
}

// failing is a PacketConn whose reads fail.
type failing struct {
	net.PacketConn
	err error
}

func (f *failing) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, f.err }

// The client's own end, on the other hand, is no error.
func TestUDPClientEndIsNoError(t *testing.T) {
	h := start(t, &server.Server{})
	for _, command := range []byte{3, 0xF3} {
		c := h.dial(t)
		ask(t, c, command, "0.0.0.0:0", socks5.Succeeded)
		c.CloseWrite()
		ended(t, c)
		if s := h.record(t); s.Err() != nil || s.Command != "udp" {
			t.Errorf("command %02x: got %v, command %q", command, s.Err(), s.Command)
		}
	}
}

func TestRecordOfUDP(t *testing.T) {
	echo := echoUDP(t)
	h := start(t, &server.Server{})
	c := h.dial(t)
	at := ask(t, c, 3, "0.0.0.0:0", socks5.Succeeded)
	app := listenUDP(t)
	for _, b := range [][]byte{
		datagram(echo.String(), "four"), datagram(echo.String(), ""),
		{0, 0, 1, 1, 127, 0, 0, 1, 0, 9}, {0, 0}, // a fragment, and too short
		datagram("224.0.0.1:9", "to many"), datagram("0.0.0.0:9", "to none"),
	} {
		sendUDP(t, app, at, b)
	}
	expectUDP(t, app, datagram(echo.String(), "four"))
	expectUDP(t, app, datagram(echo.String(), ""))
	s := h.admitted(t)
	waitDrops(t, s, map[string]int64{"fragment": 1, "malformed": 1, "denied": 2})
	c.Close()
	h.record(t)
	got := []int64{s.DatagramsUp.Load(), s.BytesUp.Load(), s.DatagramsDown.Load(), s.BytesDown.Load()}
	if diff := cmp.Diff([]int64{2, 4, 2, 4}, got); diff != "" {
		t.Errorf("datagrams and bytes up and down (-want +got):\n%s", diff)
	}
	if s.Bound().(*net.UDPAddr).Port == int(at.Port()) || s.Bound().(*net.UDPAddr).Port == 0 {
		t.Errorf("bound to %v, which is to be the far socket", s.Bound())
	}
}

// waitDrops waits until s has dropped what it should have, and no more.
func waitDrops(t *testing.T, s *server.Session, want map[string]int64) {
	t.Helper()
	diff := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if diff = cmp.Diff(want, s.Dropped()); diff == "" {
			return
		}
	}
	t.Fatalf("dropped (-want +got):\n%s", diff)
}

func TestTLSTruncationIsRecorded(t *testing.T) {
	k := newKeys(t)
	h := start(t, &server.Server{TLS: k.config(t, "require")})
	addr, conns := origin(t)
	raw := h.dial(t)
	c := k.dial(t, raw, true)
	ask(t, c, 1, addr, socks5.Succeeded)
	target := next(t, "connection", conns)
	send(t, c, 'x')
	expect(t, target, 'x')
	raw.CloseWrite() // and no close_notify
	aborted(t, target)
	s := h.record(t)
	if !errors.Is(s.Err(), relay.ErrTruncated) || s.BytesUp.Load() != 1 || s.TLS == nil {
		t.Errorf("record: %v, %d bytes up", s.Err(), s.BytesUp.Load())
	}
}

func TestTargetResetEndsClient(t *testing.T) {
	h := start(t, &server.Server{})
	client, target := h.tunnel(t)
	send(t, target, []byte("last words")...)
	expect(t, client, []byte("last words")...)
	relay.Abort(target)
	aborted(t, client)
	if s := h.record(t); !errno.Is(s.Err(), syscall.ECONNRESET) || s.BytesDown.Load() != 10 {
		t.Errorf("record: %v, %d bytes down", s.Err(), s.BytesDown.Load())
	}
}

// What a refused client has sent ahead must not cost it the reply (a socket
// closed with unread input sends RST).
func TestRefusedClientReadsReply(t *testing.T) {
	h := start(t, &server.Server{})
	for range 20 {
		c := h.dial(t)
		early := append([]byte{5, 1, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 80}, make([]byte, 100<<10)...)
		send(t, c, early...)
		expect(t, c, 5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0)
		ended(t, c)
		c.Close()
		if s := h.record(t); !errors.Is(s.Err(), server.ErrDenied) || s.Stage() != server.StageRequest {
			t.Fatalf("record: %v at %v", s.Err(), s.Stage())
		}
	}
}
