package server_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/server"
)

// wall is an Outbound that counts what is asked of it and refuses it, so that
// every conversation comes to an end.
type wall struct{ asked atomic.Int64 }

func (w *wall) refuse() error {
	w.asked.Add(1)
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func (w *wall) DialContext(context.Context, string, string) (net.Conn, error) { return nil, w.refuse() }
func (w *wall) Listen(context.Context, string, string) (net.Listener, error)  { return nil, w.refuse() }
func (w *wall) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return nil, w.refuse()
}

// FuzzConversation sends arbitrary bytes to a live server. It ends every
// conversation, speaks the grammar of RFC 1928 alone, and asks its Outbound for
// something only when a whole request has come.
func FuzzConversation(f *testing.F) {
	for _, seed := range []string{
		"", "\x05", "\x05\x00", "\x05\x01\x00", "\x05\x01\xff", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "GET / HTTP/1.1\r\n\r\n",
		"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00",
		"\x05\x02\x02\x00\x05\x02\x00\x04" + "0123456789abcdef" + "\x00\x50early",
		"\x05\x01\x00\x05\x03\x00\x03\x010\x00\x00", "\x05\x01\x00\x05\xf3\x00\x03\x00\x00\x00", "\x05\x01\x00\x05\x01\x00\x03\x04\x00\n\x1b\x7f\x00\x50",
		"\x05\x01\x00\x05\x09\x00\x01", "\x05\x01\x00\x05\x01\x00\x02", "\x05\x01\x00\x06\x01\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	l, err := net.Listen("unix", filepath.Join(f.TempDir(), "s")) // TCP would run out of ports
	if err != nil {
		f.Fatal(err)
	}
	out := new(wall)
	s := &server.Server{Outbound: out, Limits: server.Limits{Handshake: 20 * time.Second}}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }() // ends with s.Close
	f.Cleanup(func() { s.Close(); <-done })
	f.Fuzz(func(t *testing.T, in []byte) {
		before := out.asked.Load()
		got := converse(t, l.Addr().String(), in)
		asked := out.asked.Load() - before
		if !spoken(got) {
			t.Errorf("for % x got % x, want the grammar of RFC 1928", in, got)
		}
		if max := int64(wholeRequests(in)); asked > max {
			t.Errorf("for % x the outbound was asked %d times, want at most %d", in, asked, max)
		}
		if bytes.HasPrefix(got, []byte{5, 0, 5, 0}) {
			t.Errorf("for % x got a success, and nothing can succeed", in)
		}
	})
}

// converse sends in, shuts its side down, and reads to the end.
func converse(t *testing.T, addr string, in []byte) []byte {
	c, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	c.Write(in) // may meet the end
	c.(*net.UnixConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("for % x got %v, want an orderly end", in, err)
	}
	return got
}

// spoken tells whether b is nothing, a refused method, or a method and at most
// one refusal.
func spoken(b []byte) bool {
	switch {
	case len(b) == 0, bytes.Equal(b, []byte{5, 0xFF}), bytes.Equal(b, []byte{5, 0}):
		return true
	case len(b) != 12:
		return false
	}
	rep := b[3]
	b[3] = 1
	return rep >= 1 && rep <= 8 && bytes.Equal(b, []byte{5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0})
}

// wholeRequests returns 1 when in holds a greeting that offers 00 and a whole
// request of a command that exists, and else 0.
func wholeRequests(in []byte) int {
	if len(in) < 2 || in[0] != 5 || len(in) < 2+int(in[1]) || !bytes.Contains(in[2:2+in[1]], []byte{0}) {
		return 0
	}
	req := in[2+int(in[1]):]
	if len(req) < 5 || req[0] != 5 || !bytes.Contains([]byte{1, 2, 3, 5, 0xF3}, req[1:2]) {
		return 0
	}
	size, ok := map[byte]int{1: 10, 3: 7 + int(req[4]), 4: 22}[req[3]]
	if !ok || len(req) < size {
		return 0
	}
	return 1
}
