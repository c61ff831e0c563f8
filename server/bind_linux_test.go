package server_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// sendEarly sends a little more than is kept for a peer.
func sendEarly(t *testing.T, c *net.TCPConn) []byte {
	t.Helper()
	early := bytes.Repeat([]byte("e"), 64<<10+5)
	send(t, c, early...)
	return early
}

// conformance 51: also who has sent more than is kept for the peer, so that the end
// stands behind bytes that nobody reads.
func TestBINDClientLeavesBehindMuch(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.CloseWrite() },
		"RST": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		h := start(t, &server.Server{})
		c := h.dial(t)
		at := ask(t, c, 2, "127.0.0.1:1", socks5.Succeeded)
		sendEarly(t, c)
		time.AfterFunc(100*time.Millisecond, func() { leave(c) }) // past the reading of what is kept
		if s := h.record(t); s.Err() == nil || s.Stage() != server.StagePeer {
			t.Errorf("%s: record: %v at %v", name, s.Err(), s.Stage())
		}
		c.Close()
		if d, err := net.DialTimeout("tcp", at.String(), patience); err == nil {
			d.Close()
			t.Errorf("%s: the listener is still there", name)
		}
	}
}

// Who has sent as much and stays gets a peer, and the peer all of it.
func TestBINDClientStaysBehindMuch(t *testing.T) {
	h := start(t, &server.Server{})
	c := h.dial(t)
	at := ask(t, c, 2, "127.0.0.1:1", socks5.Succeeded)
	early := sendEarly(t, c)
	peer := dialFrom(t, "127.0.0.1", at.String())
	reply(t, c, socks5.Succeeded)
	got := make([]byte, len(early))
	if n, err := io.ReadFull(peer, got); !bytes.Equal(got, early) {
		t.Fatalf("read %d bytes, %v, want the %d that were sent", n, err, len(early))
	}
	move(t, c, peer)
}
