package forwarder_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/socks5"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// count returns how many lines have text.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// ups returns the servers that are up, and how many sessions each has.
func ups(s *forwarder.Servers) string {
	var b strings.Builder
	for _, status := range s.Status() {
		if status.Up {
			fmt.Fprintf(&b, "%s:%d ", strings.TrimSuffix(strings.TrimPrefix(status.Server, "socks5://"), ":1080"), status.Sessions)
		}
	}
	return strings.TrimSpace(b.String())
}

// A request goes on to the next server as long as none has answered it, and what
// could not be reached or logged in to is not asked again for a while.
func TestFailoverBeforeTheRequest(t *testing.T) {
	for name, test := range map[string]struct {
		is    condition
		after string // what is up afterwards
	}{
		"refusing": {refusing, "b:0 c:0"}, "silent": {silent, "b:0 c:0"}, "mute": {mute, "b:0 c:0"},
		"login refused": {rejecting, "b:0 c:0"}, "hangs up": {hanging, "a:0 b:0 c:0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, c := newNode("a"), newNode("b"), newNode("c")
				a.become(test.is)
				s := servers(a, b, c)
				begin := time.Now()
				if err := dial(t, s); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took > client.DefaultTimeout/3+time.Millisecond {
					t.Errorf("took %v, want no more than its share", took)
				}
				if got := ups(s); got != test.after {
					t.Errorf("up: got %s, want %s", got, test.after)
				}
				if err := dial(t, s); err != nil {
					t.Fatal(err)
				}
				dials, _, _ := a.counts()
				_, _, asked := b.counts()
				if want := 1 + strings.Count(test.after, "a:"); dials != want || asked != 2 {
					t.Errorf("got %d dials of the first and %d requests to the second, want %d and 2", dials, asked, want)
				}
			})
		})
	}
}

// What a server answers is the answer, and no fault of its own.
func TestNoFailoverAfterTheReply(t *testing.T) {
	for code := byte(1); code <= 8; code++ {
		synctest.Test(t, func(t *testing.T) {
			a, b := newNode("a"), newNode("b")
			a.reply = code
			s := servers(a, b)
			for range 3 {
				if err := dial(t, s); socks5.ReplyFor(err) != socks5.Reply(code) {
					t.Errorf("got %v, want reply %02x", err, code)
				}
			}
			if dials, _, _ := b.counts(); dials != 0 || ups(s) != "a:0 b:0" {
				t.Errorf("reply %02x: %d dials of the next, and up: %s", code, dials, ups(s))
			}
		})
	}
}

// BIND and UDP ASSOCIATE go on as CONNECT does, and stay where they are.
func TestFailoverOfBINDAndUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		a.become(refusing)
		s := servers(a, b)
		l, err := s.Listen(t.Context(), "tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		if got := ups(s); got != "b:1" {
			t.Errorf("up: got %s, want b with the listener", got)
		}
		b.become(refusing)
		if _, err := l.Accept(); err == nil {
			t.Error("the server is gone, and Accept returned a conn")
		}
		l.Close()
		l.Close()
		if got := s.Status()[1].Sessions; got != 0 {
			t.Errorf("%d sessions after the end, want 0", got)
		}
	})
}

// All that are down are tried all the same, in their order, and the last says
// what is wrong.
func TestAllAreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newNode("a"), newNode("b"), newNode("c")
		s := servers(a, b, c)
		for _, n := range []*node{a, b, c} {
			n.become(refusing)
		}
		for i := range 3 {
			err := dial(t, s)
			var fault *client.ProxyError
			if !errors.As(err, &fault) || fault.Proxy != "socks5://c:1080" || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("got %v, want that c refused", err)
			}
			if socks5.ReplyFor(err) != socks5.NetworkUnreachable {
				t.Errorf("got reply %02x, want 03", byte(socks5.ReplyFor(err)))
			}
			for _, n := range []*node{a, b, c} {
				if dials, _, _ := n.counts(); dials != i+1 {
					t.Errorf("%s: %d dials, want %d", n.name, dials, i+1)
				}
			}
		}
		if err := s.Ready(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Ready: got %v, want that they refuse", err)
		}
		b.become(fine)
		if err := dial(t, s); err != nil || ups(s) != "b:0" || s.Ready() != nil {
			t.Errorf("got %v, up: %s, ready: %v", err, ups(s), s.Ready())
		}
	})
}

// Hosts that do not answer share the time that one would have, and what is left
// is for the last.
func TestSilentServersShareTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nodes []*node
		for _, name := range strings.Split("abcdefgh", "") {
			nodes = append(nodes, newNode(name))
			nodes[len(nodes)-1].become(silent)
		}
		s := servers(nodes...)
		begin := time.Now()
		err := dial(t, s)
		if took := time.Since(begin); err == nil || took != client.DefaultTimeout {
			t.Errorf("got %v after %v, want an error after %v", err, took, client.DefaultTimeout)
		}
		var tried int
		for _, n := range nodes {
			dials, _, _ := n.counts()
			tried += dials
		}
		if tried != 5 { // 2 s each at least
			t.Errorf("%d were tried, want 5", tried)
		}
		nodes[7].become(fine)
		run(t, s)
		time.Sleep(3 * time.Second) // for the checks, which have 2 s each
		begin = time.Now()
		if err := dial(t, s); err != nil || time.Since(begin) != 0 {
			t.Errorf("got %v after %v, want the one that is up at once", err, time.Since(begin))
		}
	})
}

// The app that hangs up is no fault of the server's.
func TestCancelledRequestBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		a.become(mute)
		s := servers(a, b)
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if _, err := s.DialContext(ctx, "tcp", "host.test:80"); err == nil {
			t.Error("got a conn")
		}
		if dials, _, _ := b.counts(); dials != 0 || ups(s) != "a:0 b:0" {
			t.Errorf("%d dials of the next, up: %s", dials, ups(s))
		}
	})
}

// A target that cannot be asked for is nobody's fault either.
func TestBadTargetBlamesNobody(t *testing.T) {
	a := newNode("a")
	s := servers(a)
	if _, err := s.DialContext(t.Context(), "tcp", "nonsense"); err == nil {
		t.Error("got a conn")
	}
	if dials, _, _ := a.counts(); dials != 0 || ups(s) != "a:0" {
		t.Errorf("%d dials, up: %s", dials, ups(s))
	}
}

func TestNoServers(t *testing.T) {
	s := forwarder.NewServers()
	_, err := s.DialContext(t.Context(), "tcp", "host.test:80")
	if !errors.Is(err, forwarder.ErrNoServer) || socks5.ReplyFor(err) != socks5.NetworkUnreachable {
		t.Errorf("got %v with reply %02x, want ErrNoServer with 03", err, byte(socks5.ReplyFor(err)))
	}
	if err := s.Ready(); !errors.Is(err, forwarder.ErrNoServer) {
		t.Errorf("Ready: got %v, want ErrNoServer", err)
	}
}

// Set keeps what is known of the servers that stay, and what is open.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newNode("a"), newNode("b"), newNode("c")
		s := servers(a, b)
		a.become(refusing)
		open, err := s.DialContext(t.Context(), "tcp", "host.test:80")
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		s.Set(forwarder.Server{Dialer: c.dialer(), Priority: 1}, forwarder.Server{Dialer: a.dialer()},
			forwarder.Server{Dialer: b.dialer()}, forwarder.Server{Dialer: newNode("b").dialer()})
		if got := ups(s); got != "c:0 b:1" || len(s.Status()) != 3 {
			t.Errorf("up: got %s of %d, want c and b of 3", got, len(s.Status()))
		}
		s.Set(forwarder.Server{Dialer: c.dialer()})
		if _, err := open.Write([]byte("still there")); err != nil {
			t.Errorf("on a server that was taken out: %v", err)
		}
		if err := dial(t, s); err != nil || ups(s) != "c:0" {
			t.Errorf("got %v, up: %s", err, ups(s))
		}
	})
}

// The conn is what a relay wants it to be.
func TestConnOfServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servers(newNode("a"))
		c, err := s.DialContext(t.Context(), "tcp", "host.test:80")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(interface{ BoundAddr() net.Addr }).BoundAddr().String(); got != "192.0.2.1:9" {
			t.Errorf("bound: got %s", got)
		}
		inner := c.(interface{ RelayConn() net.Conn }).RelayConn()
		if raw := inner.(interface{ NetConn() net.Conn }).NetConn(); raw != c.(interface{ NetConn() net.Conn }).NetConn() {
			t.Error("NetConn is not that of the conn within")
		}
		if got := s.Status()[0].Sessions; got != 1 {
			t.Errorf("%d sessions, want 1", got)
		}
		c.Close()
		c.Close()
		if got := s.Status()[0].Sessions; got != 0 {
			t.Errorf("%d sessions after Close, want 0", got)
		}
	})
}
