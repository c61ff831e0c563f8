package relay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// send writes n bytes that seed determines, in pieces of all sizes, and ends.
func send(c net.Conn, seed byte, n int) error {
	source := rand.NewChaCha8([32]byte{seed})
	sizes := rand.New(rand.NewPCG(uint64(seed), 1))
	buf := make([]byte, 300<<10)
	for n > 0 {
		piece := buf[:min(n, 1+sizes.IntN(len(buf)))]
		source.Read(piece)
		if _, err := c.Write(piece); err != nil {
			return err
		}
		n -= len(piece)
	}
	return relay.CloseWrite(c)
}

// receive reads to the end and compares with what send sends.
func receive(c net.Conn, seed byte, n int) error {
	source := rand.NewChaCha8([32]byte{seed})
	got, want := make([]byte, 200<<10), make([]byte, 200<<10)
	for at := 0; ; {
		m, err := c.Read(got)
		if at+m > n {
			return fmt.Errorf("more than %d bytes", n)
		}
		source.Read(want[:m])
		if !bytes.Equal(got[:m], want[:m]) {
			return fmt.Errorf("other bytes between %d and %d", at, at+m)
		}
		at += m
		if err == io.EOF && at == n {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", at, n, err)
		}
	}
}

func TestTLSAndPlainBothWays(t *testing.T) {
	size := 64 << 20
	if testing.Short() {
		size = 4 << 20
	}
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		j := join(t, client, target)
		results := make(chan error, 4)
		go func() { results <- send(j.app, 1, size) }()
		go func() { results <- send(j.origin, 2, size) }()
		go func() { results <- receive(j.origin, 1, size) }()
		go func() { results <- receive(j.app, 2, size) }()
		for range 4 {
			if err := <-results; err != nil {
				t.Error(err)
				j.cancel(err)
			}
		}
		if err := j.wait(t); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if j.up.Load() != int64(size) || j.down.Load() != int64(size) {
			t.Errorf("got %d up and %d down, want %d each", j.up.Load(), j.down.Load(), size)
		}
		checkReturned(t)
	})
}

// checkReturned checks that all buffers are given back: those of the tunnels
// that have ended, and those of the far ends, which may be closing still.
func checkReturned(t *testing.T) {
	t.Helper()
	waitFor(t, "all buffers given back", func() bool { return relay.Lent() == 0 })
}

func TestPipeBothWays(t *testing.T) {
	const size = 8 << 20
	j := join(t, memoryPair, memoryPair)
	results := make(chan error, 2)
	exchange := func(c net.Conn, seed byte) {
		source := rand.NewChaCha8([32]byte{seed})
		piece := make([]byte, 1<<10)
		for range size / len(piece) {
			source.Read(piece)
			if _, err := c.Write(piece); err != nil {
				results <- err
				return
			}
		}
		results <- nil
	}
	expect := func(c net.Conn, seed byte) {
		got, want := make([]byte, size), make([]byte, size)
		rand.NewChaCha8([32]byte{seed}).Read(want)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %v or other bytes", err)
		}
	}
	go exchange(j.app, 1)
	go exchange(j.origin, 2)
	down := make(chan struct{})
	go func() { defer close(down); expect(j.app, 2) }()
	expect(j.origin, 1)
	<-down
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	j.app.Close()
	if _, err := j.origin.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v after the other side closed, want EOF", err)
	}
	j.wait(t)
	checkReturned(t)
}

func memoryPair(testing.TB) (far, near net.Conn) { return net.Pipe() }

func TestTLSAndPlainHalfClose(t *testing.T) {
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		for _, appFirst := range []bool{true, false} {
			j := join(t, client, target)
			first, second := j.app, j.origin
			if !appFirst {
				first, second = second, first
			}
			io.WriteString(first, "question")
			if err := relay.CloseWrite(first); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(second); string(got) != "question" || err != nil {
				t.Errorf("app first %v: got %q, %v", appFirst, got, err)
			}
			for _, word := range []string{"late", "r ans", "wer"} {
				io.WriteString(second, word)
			}
			relay.CloseWrite(second)
			if got, err := io.ReadAll(first); string(got) != "later answer" || err != nil {
				t.Errorf("app first %v: got %q, %v", appFirst, got, err)
			}
			if err := j.wait(t); err != nil {
				t.Errorf("app first %v: got %v, want nil", appFirst, err)
			}
		}
		checkReturned(t)
	})
}

func TestTLSAndPlainEarlyBytesComeFirst(t *testing.T) {
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		j := &joined{ended: make(chan error, 1)}
		tunnel := &relay.Tunnel{Early: []byte("early "), Up: &j.up}
		j.app, tunnel.Client = client(t)
		j.origin, tunnel.Target = target(t)
		io.WriteString(j.app, "late")
		j.run(t, tunnel)
		relay.CloseWrite(j.app)
		if got, err := io.ReadAll(j.origin); string(got) != "early late" || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, "early late")
		}
		relay.CloseWrite(j.origin)
		if err := j.wait(t); err != nil || j.up.Load() != 10 {
			t.Errorf("got %v after %d bytes, want nil after 10", err, j.up.Load())
		}
	})
}

func TestTLSAndPlainContextAborts(t *testing.T) {
	reason := errors.New("told to")
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		j := join(t, client, target)
		io.WriteString(j.app, "x")
		io.ReadFull(j.origin, make([]byte, 1))
		j.cancel(reason)
		if err := j.wait(t); err != reason {
			t.Errorf("got %v, want %v", err, reason)
		}
		for _, c := range []net.Conn{j.app, j.origin} {
			if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF && c.LocalAddr().Network() != "unix" {
				t.Errorf("%T reads %v, want a failure", c, err)
			}
		}
	})
}

func TestContextThatHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, client := tcpPair(t)
	_, target := tcpPair(t)
	if err := (&relay.Tunnel{Client: client, Target: target}).Run(ctx); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestTLSCloseDrainedDeliversTheReply(t *testing.T) {
	for name, pair := range map[string]pairFunc{"plain": tcpPair, "TLS": tlsPair(tls.VersionTLS13)} {
		far, near := pair(t)
		far.Write(make([]byte, 100<<10)) // left unread, it would make the close a reset
		io.WriteString(near, "last words")
		done := make(chan struct{})
		go func() { defer close(done); relay.CloseDrained(near, 10*time.Second) }()
		if got, err := io.ReadAll(far); string(got) != "last words" || err != nil {
			t.Errorf("%s: got %q, %v, want %q and the end", name, got, err, "last words")
		}
		far.Close()
		<-done
	}
}
