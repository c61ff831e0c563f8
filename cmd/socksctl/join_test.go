package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// TestJoinEndsWithTheFarEnd holds the end of stdin to be a half-close: what
// comes after it still arrives.
func TestJoinEndsWithTheFarEnd(t *testing.T) {
	near, far := connected(t)
	late := make(chan error, 1)
	go func() { // ends with far
		got, err := io.ReadAll(far)
		if err == nil {
			_, err = io.WriteString(far, strings.ToUpper(string(got)))
		}
		late <- errors.Join(err, far.Close())
	}()
	var out bytes.Buffer
	if err := join(streams{in: strings.NewReader("hello"), out: &out}, near); err != nil {
		t.Fatal(err)
	}
	if err := <-late; err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "HELLO"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJoinAbortsWhenStdinFails holds a part of the input not to pass for all of
// it.
func TestJoinAbortsWhenStdinFails(t *testing.T) {
	near, far := connected(t)
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("a part"), iotest.ErrReader(broken))
	if err := join(streams{in: in, out: io.Discard}, near); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if got, err := io.ReadAll(far); err == nil {
		t.Errorf("the far end read %q and an end, want a failure", got)
	}
}

// TestJoinSendsWhatStdinHolds holds an early end of the far end not to cost it
// the input, which is more than the buffers of the sockets take.
func TestJoinSendsWhatStdinHolds(t *testing.T) {
	near, far := connected(t)
	if err := far.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	input := bytes.Repeat([]byte("input"), 4<<20)
	joined := make(chan error, 1)
	go func() { joined <- join(streams{in: bytes.NewReader(input), out: io.Discard}, near) }() // ends with far
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, input) {
		t.Errorf("got %d bytes and %v, want %d", len(got), err, len(input))
	}
	if err := <-joined; err != nil {
		t.Error(err)
	}
}

// TestJoinLeavesAnOpenStdin holds a far end that has ended to end the command,
// although stdin is open; but not before what comes from there is sent.
func TestJoinLeavesAnOpenStdin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		in, typed := io.Pipe()
		started := time.Now()
		joined := make(chan error, 1)
		go func() { joined <- join(streams{in: in, out: io.Discard}, half{near}) }() // ends below
		go func() {                                                                  // likewise
			time.Sleep(3 * quiet / 4)
			_, _ = typed.Write([]byte("late")) // seen by the reader
		}()
		got := make([]byte, 4)
		if _, err := io.ReadFull(far, got); err != nil || string(got) != "late" {
			t.Errorf("got %q and %v, want late", got, err)
		}
		if err := <-joined; err != nil {
			t.Error(err)
		}
		if got := time.Since(started); got < quiet || got > 3*quiet {
			t.Errorf("ended after %v", got)
		}
		typed.Close()
		far.Close()
	})
}

// half is a conn whose far end has ended its direction.
type half struct{ net.Conn }

func (half) Read([]byte) (int, error) { return 0, io.EOF }

// connected returns the two ends of a TCP connection.
func connected(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(scriptLimit)); err != nil {
			t.Fatal(err)
		}
	}
	return near, far
}
