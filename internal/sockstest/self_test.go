package sockstest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/sockstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// flaw is what a toy server does wrong.
type flaw int

const (
	sound flaw = iota
	takesFF
	choosesUnoffered
	repliesTwice
	repliesInTwo
	saysGeneralFailure
	hidesPort
	resetsRefusals
	dialsEarly
	succeedsEarly
	cutsHalfClosed
	doublesData
	closesForABadByte
)

// TestSuiteCatches runs statements against a toy server that keeps them, and
// against one that breaks each.
func TestSuiteCatches(t *testing.T) {
	statements := make(map[string]sockstest.Statement)
	for _, s := range sockstest.All() {
		statements[s.Name] = s
	}
	for name, f := range map[string]flaw{
		"06_method_FF_never_matches":             takesFF,
		"03_only_what_was_offered":               choosesUnoffered,
		"31_data_behind_the_request":             doublesData,
		"08_other_protocols":                     closesForABadByte,
		"43_one_reply_in_one_write":              repliesInTwo,
		"36_refused":                             saysGeneralFailure,
		"18_reply_has_the_outgoing_IPv4_address": hidesPort,
		"42_drained_before_the_end":              resetsRefusals,
		"29_truncated_request":                   dialsEarly,
		"44_no_optimistic_success":               succeedsEarly,
		"45_half_close_by_the_client":            cutsHalfClosed,
		"21_name_of_255_bytes":                   repliesTwice,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if failures := try(t, statements[name], sound); len(failures) > 0 {
				t.Errorf("a sound server fails: %q", failures)
			}
			if failures := try(t, statements[name], f); len(failures) == 0 {
				t.Error("a server that breaks the statement passes")
			}
		})
	}
}

// try runs one statement against the toy server and returns its failures.
func try(t *testing.T, s sockstest.Statement, f flaw) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // ends with the statement, which may leave by FailNow
		defer close(done)
		sockstest.RunOne(r, toyFactory(f), sockstest.Mode{Carrier: sockstest.Plain}, s)
	}()
	<-done
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return r.failures
}

// recorder is a testing.TB that writes failures down.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any)         { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.fail(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)         { r.fail(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.fail(fmt.Sprintf(f, a...)); runtime.Goexit() }

func (r *recorder) fail(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, message)
}

// toyFactory starts a server that knows no login and CONNECT alone.
func toyFactory(f flaw) sockstest.Factory {
	return func(t testing.TB, _ sockstest.Mode, cfg sockstest.Config) *sockstest.Endpoint {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		s := &toy{flaw: f, ctx: ctx, before: cfg.Dial}
		var running sync.WaitGroup
		running.Go(func() { // ends when ln is closed
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				s.conns.Store(c, true)
				running.Go(func() { s.serve(c.(*net.TCPConn)) }) // ends when c is closed
			}
		})
		t.Cleanup(func() {
			ln.Close()
			cancel()
			s.conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
			running.Wait()
		})
		return &sockstest.Endpoint{Addr: ln.Addr().String(), Hops: []string{ln.Addr().String()},
			Dials: func() int { return int(s.dials.Load()) }}
	}
}

type toy struct {
	flaw
	ctx    context.Context // of every dial
	before func(context.Context, string, string) error
	dials  atomic.Int64
	conns  sync.Map
}

func (s *toy) serve(c *net.TCPConn) {
	defer c.Close()
	if rep, ok := s.converse(c); ok {
		s.refuse(c, rep)
	}
	if s.flaw != resetsRefusals {
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}
}

// refuse sends a reply that is not 00, as well as the flaw lets it.
func (s *toy) refuse(c *net.TCPConn, rep byte) {
	if s.flaw == saysGeneralFailure {
		rep = 0x01
	}
	reply := []byte{5, rep, 0, 1, 0, 0, 0, 0, 0, 0}
	switch s.flaw {
	case repliesTwice:
		reply = append(reply, reply...)
	case resetsRefusals:
		c.SetLinger(0)
	}
	c.Write(reply)
}

// converse returns the reply that is still due, if one is.
func (s *toy) converse(c *net.TCPConn) (rep byte, due bool) {
	if !s.greet(c) {
		return 0, false
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, false
	}
	if s.flaw == dialsEarly {
		s.dials.Add(1)
	}
	switch {
	case head[0] != 5:
		return 1, true
	case head[1] != 1:
		return 7, true
	case head[3] != 1 && head[3] != 3 && head[3] != 4:
		return 8, true
	}
	host, ok := readHost(c, head[3])
	if !ok {
		return 0, false
	}
	return s.connect(c, host)
}

func (s *toy) greet(c *net.TCPConn) bool {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head[:1]); err != nil {
		return false
	}
	if head[0] != 5 {
		if s.flaw == closesForABadByte {
			c.Write([]byte{5, 0xFF})
		}
		return false
	}
	if _, err := io.ReadFull(c, head[1:]); err != nil {
		return false
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return false
	}
	for _, m := range methods {
		if m == 0 || s.flaw == choosesUnoffered || s.flaw == takesFF && m == 0xFF {
			c.Write([]byte{5, 0})
			return true
		}
	}
	c.Write([]byte{5, 0xFF})
	return false
}

// readHost returns "" for a name, of which the toy knows none.
func readHost(c *net.TCPConn, atyp byte) (string, bool) {
	size := map[byte]int{1: 4, 4: 16}[atyp]
	if atyp == 3 {
		n := make([]byte, 1)
		if _, err := io.ReadFull(c, n); err != nil {
			return "", false
		}
		size = int(n[0])
	}
	b := make([]byte, size+2)
	if _, err := io.ReadFull(c, b); err != nil {
		return "", false
	}
	ip, ok := netip.AddrFromSlice(b[:size])
	if atyp == 3 || !ok {
		return "", true
	}
	return netip.AddrPortFrom(ip, uint16(b[size])<<8|uint16(b[size+1])).String(), true
}

func (s *toy) connect(c *net.TCPConn, host string) (rep byte, due bool) {
	if host == "" {
		return 4, true
	}
	s.dials.Add(1)
	if s.flaw == succeedsEarly {
		c.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 80})
	}
	if s.before != nil {
		s.before(s.ctx, "tcp", host)
	}
	target, err := net.Dial("tcp", host)
	if errno.Is(err, syscall.ECONNREFUSED) {
		return 5, true
	}
	if err != nil {
		return 1, true
	}
	s.conns.Store(target, true)
	local := target.LocalAddr().(*net.TCPAddr).AddrPort()
	reply := append([]byte{5, 0, 0, 1}, local.Addr().AsSlice()...)
	reply = append(reply, byte(local.Port()>>8), byte(local.Port()))
	if s.flaw == hidesPort {
		reply[8], reply[9] = 0, 0
	}
	if s.flaw == repliesInTwo {
		c.SetNoDelay(true)
		c.Write(reply[:4])
		reply = reply[4:]
		time.Sleep(20 * time.Millisecond)
	}
	c.Write(reply)
	s.relay(c, target.(*net.TCPConn))
	return 0, false
}

func (s *toy) relay(c, target *net.TCPConn) {
	defer target.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.flaw == doublesData {
			b := make([]byte, 512)
			n, _ := c.Read(b)
			target.Write(append(b[:n], b[:n]...))
		}
		io.Copy(target, c)
		target.CloseWrite()
		if s.flaw == cutsHalfClosed {
			target.Close()
			c.CloseWrite()
		}
	}()
	io.Copy(c, target)
	c.CloseWrite()
	<-done
}
