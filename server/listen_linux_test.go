package server_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// accept returns the connection that a listener has for a client that says words,
// and the client.
func accept(t *testing.T, l net.Listener, words string) (near, client net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := io.WriteString(client, words); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	return near, client
}

func TestListenGivesConnectionsTheirOptions(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := listen(t, address)
		if err != nil {
			t.Fatal(err)
		}
		near, _ := accept(t, l, "a word")
		if !relay.HasKeepAlive(near, relay.KeepAliveConfig{}) {
			t.Errorf("%s: the connection has other options than its listener", address)
		}
	}
}

// TestListenHandsOverWhoHasSpoken has a silent client come before one that speaks.
func TestListenHandsOverWhoHasSpoken(t *testing.T) {
	l, err := listen(t, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	near, client := accept(t, l, "a word")
	if got, want := near.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Errorf("first: got %s, want %s, the one that spoke", got, want)
	}
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	late, err := l.Accept()
	if err != nil {
		t.Fatalf("the silent one: %v", err)
	}
	defer late.Close()
	if got, want := late.RemoteAddr().String(), silent.LocalAddr().String(); got != want {
		t.Errorf("second: got %s, want %s, the silent one", got, want)
	}
}
