package carrier_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// prompt is a conn that takes as much without waiting as it has room for.
type prompt struct {
	net.Conn
	room int
	left []byte // for Flush
	err  error  // of WriteNow
	now  int    // calls of WriteNow
}

func (p *prompt) WriteNow(b []byte) (all bool, err error) {
	if p.err != nil {
		return false, p.err
	}
	p.now++
	if len(b) > p.room {
		p.left = append([]byte(nil), b...)
		return false, nil
	}
	_, err = p.Conn.Write(b)
	return true, err
}

func (p *prompt) Flush() error {
	_, err := p.Conn.Write(p.left)
	return err
}

func newPrompt(t *testing.T, room int) (*prompt, *carrier.Stream, *carrier.Stream) {
	t.Helper()
	a, b := tcpPair(t)
	p := &prompt{Conn: a, room: room}
	return p, newStream(t, p, socks5.UDPTun, nil), newStream(t, b, socks5.UDPTun, nil)
}

// Little is written before WriteBatch returns, and much on another goroutine.
func TestUDPStreamWritesLittleAtOnce(t *testing.T) {
	p, s, peer := newPrompt(t, 1<<20)
	for range 3 {
		write(t, s, to(t, "192.0.2.1:53", filled(1200)))
		read(t, peer, 1)
	}
	if p.now != 3 {
		t.Errorf("got %d writes at once, want 3", p.now)
	}
	write(t, s, to(t, "192.0.2.1:53", filled(60000)))
	read(t, peer, 1)
	if p.now != 3 {
		t.Errorf("got %d writes at once, want 60,000 bytes to be none", p.now)
	}
}

// What would have to wait is written before what comes after it.
func TestUDPStreamLeavesTheRestToAGoroutine(t *testing.T) {
	p, s, peer := newPrompt(t, 0) // takes nothing
	for _, data := range []string{"first", "second", "third"} {
		write(t, s, to(t, "192.0.2.1:53", data))
	}
	for i, want := range []string{"first", "second", "third"} {
		if got := read(t, peer, 1); got[0].data != want {
			t.Errorf("datagram %d: got %q, want %q", i, got[0].data, want)
		}
	}
	if p.now == 0 {
		t.Error("nothing was tried at once")
	}
}

func TestUDPStreamEndsWhenAWriteAtOnceFails(t *testing.T) {
	p, s, peer := newPrompt(t, 1<<20)
	p.err = errors.New("no more")
	for range 2 {
		if err := s.WriteBatch([]carrier.Datagram{to(t, "192.0.2.1:53", "x")}); !errors.Is(err, p.err) {
			t.Errorf("WriteBatch: got %v, want %v", err, p.err)
		}
	}
	if _, err := s.ReadBatch(make([]carrier.Datagram, 1)); !errors.Is(err, p.err) {
		t.Errorf("ReadBatch: got %v, want %v", err, p.err)
	}
	if _, err := peer.ReadBatch(make([]carrier.Datagram, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the peer: got %v, want the end", err)
	}
}
