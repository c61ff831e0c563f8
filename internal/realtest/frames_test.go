//go:build linux

package realtest_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
)

// frames is what is said between a client and a server that another project wrote, a
// conversation for each connection.
type frames [][]turn

type turn struct {
	byServer bool
	bytes    []byte
}

// writtenFrames reads testdata/frames/NAME: lines of hex, "> " to the server and
// "< " from it, with an empty line before each further connection.
func writtenFrames(t *testing.T, name string) (all frames) {
	t.Helper()
	text, err := os.ReadFile("testdata/frames/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for conversation := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		var turns []turn
		for line := range strings.Lines(conversation) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line[1:]), " ", ""))
			if err != nil || line[0] != '>' && line[0] != '<' {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			turns = append(turns, turn{line[0] == '<', b})
		}
		all = append(all, turns)
	}
	return all
}

// play is a server that says what is written, and wants to hear it byte for byte.
func (f frames) play(t *testing.T) (address string) {
	t.Helper()
	keys := certificates(t)
	pair, err := tls.LoadX509KeyPair(keys.file("server.crt"), keys.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { // ends with the last conversation, or when l is closed
		for i, turns := range f {
			c, err := l.Accept()
			if err != nil {
				t.Errorf("conversation %d never began", i+1)
				return
			}
			if err := answerTurns(c, turns); err != nil {
				t.Errorf("conversation %d: %v", i+1, err)
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// answerTurns takes the server's part in a conversation, and waits for its end.
func answerTurns(c net.Conn, turns []turn) error {
	defer c.Close()
	c.SetDeadline(time.Now().Add(liveLimit))
	for i, one := range turns {
		if one.byServer {
			if _, err := c.Write(one.bytes); err != nil {
				return err
			}
			continue
		}
		got := make([]byte, len(one.bytes))
		if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, one.bytes) {
			return fmt.Errorf("line %d: got % x (%v), want % x", i+1, got[:n], err, one.bytes)
		}
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("at its end: got %d more bytes, %v", n, err)
	}
	return nil
}

// tryFrames exchanges the two datagrams of such a file, by package client and through
// a forwarder.
func tryFrames(name string) func(t *testing.T, r rig) {
	return func(t *testing.T, _ rig) {
		written := writtenFrames(t, name)
		t.Run("direct", func(t *testing.T) {
			exchange(t, &client.Dialer{Address: written.play(t), TLS: certificates(t).trusted(t)})
		})
		t.Run("forwarder", func(t *testing.T) {
			near := server{tls: written.play(t)}.forward(t, "--check-interval", "0")
			exchange(t, &client.Dialer{Address: near})
		})
	}
}

// exchange sends what the files have: a datagram to an address and one to a
// name, each with its answer.
func exchange(t *testing.T, d *client.Dialer) {
	t.Helper()
	pc, err := d.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetDeadline(time.Now().Add(liveLimit))
	for _, one := range []struct{ to, from string }{{"192.0.2.7:53", "192.0.2.7:53"}, {"name.example:5300", "192.0.2.8:5300"}} {
		host, port := splitHostPort(t, one.to)
		if _, err := pc.WriteTo([]byte("ping"), namedAddr{host + ":" + port}); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, from, err := pc.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "pong" || from.String() != one.from {
			t.Errorf("from %v: got %q, %v, want pong from %s", from, buf[:n], err, one.from)
		}
	}
}

// namedAddr is the address of a datagram whose host may be a name.
type namedAddr struct{ hostPort string }

func (namedAddr) Network() string  { return "udp" }
func (a namedAddr) String() string { return a.hostPort }
