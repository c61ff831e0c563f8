package relay_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
)

// tcpPair returns the two ends of a connection over loopback.
func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestEarlyBytesComeFirst(t *testing.T) {
	app, client := tcpPair(t)
	target, origin := tcpPair(t)
	var up, down atomic.Int64
	ended := make(chan error, 1)
	tunnel := relay.Tunnel{Client: client, Target: target, Early: []byte("early "), Up: &up, Down: &down}
	go func() { ended <- tunnel.Run(context.Background()) }()
	io.WriteString(app, "late")
	relay.CloseWrite(app)
	got, err := io.ReadAll(origin)
	if string(got) != "early late" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "early late")
	}
	io.WriteString(origin, "reply")
	origin.Close()
	got, err = io.ReadAll(app)
	if string(got) != "reply" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "reply")
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if up.Load() != 10 || down.Load() != 5 {
		t.Errorf("got %d up and %d down, want 10 and 5", up.Load(), down.Load())
	}
}
