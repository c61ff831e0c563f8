package relay_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/relay"
)

// ends returns the two far ends, the one that a test breaks first, and their
// names.
func (j *joined) ends(breakApp bool) (broken, other net.Conn, name string) {
	if breakApp {
		return j.app, j.origin, "client"
	}
	return j.origin, j.app, "target"
}

// isReset reports whether err says that the peer aborted.
func isReset(err error) bool {
	return errno.Is(err, syscall.ECONNRESET, syscall.EPIPE) || errors.Is(err, relay.ErrTruncated)
}

// checkError checks that a tunnel ended by an operation on the side.
func checkError(t *testing.T, err error, side string, ops ...string) {
	t.Helper()
	var e *relay.Error
	if !errors.As(err, &e) || e.Side != side {
		t.Fatalf("got %v, want an error of the %s", err, side)
	}
	for _, op := range ops {
		if e.Op == op {
			return
		}
	}
	t.Errorf("got %v, want one of %v", err, ops)
}

// A side that only sends, and then resets: what it sent arrives, and then a reset.
func TestTLSAndPlainResetSeenByRead(t *testing.T) {
	sent := bytes.Repeat([]byte("received before the reset "), 40_000)
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		for _, breakApp := range []bool{true, false} {
			j := join(t, client, target)
			broken, other, name := j.ends(breakApp)
			if broken.LocalAddr().Network() == "unix" {
				continue // a unix socket has no reset for a peer that reads
			}
			go func() {
				broken.Write(sent)
				waitAcknowledged(broken)
				relay.Abort(broken)
			}()
			got, err := io.ReadAll(other)
			if !bytes.Equal(got, sent) {
				t.Errorf("%s: got %d bytes, want %d", name, len(got), len(sent))
			}
			if other.LocalAddr().Network() != "unix" && !isReset(err) {
				t.Errorf("%s: other side got %v, want a reset", name, err)
			}
			checkError(t, j.wait(t), name, "read")
		}
		checkReturned(t)
	})
}

// A side that reads, and resets while it is written to: what it had sent
// arrives all the same.
func TestTLSAndPlainResetSeenByWrite(t *testing.T) {
	sent := bytes.Repeat([]byte("sent before "), 10_000)
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		for _, breakApp := range []bool{true, false} {
			j := join(t, client, target)
			broken, other, name := j.ends(breakApp)
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				for block := make([]byte, 64<<10); ; {
					if _, err := other.Write(block); err != nil {
						return
					}
				}
			}()
			go func() {
				io.CopyN(io.Discard, broken, 1<<20)
				broken.Write(sent)
				waitAcknowledged(broken)
				relay.Abort(broken)
			}()
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(other, got); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%s: got %v or other bytes, want what was sent before the reset", name, err)
			}
			<-flooded
			other.Close()
			checkError(t, j.wait(t), name, "read", "write")
		}
		checkReturned(t)
	})
}

func TestTLSTruncationIsAnAbort(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, breakApp := range []bool{true, false} {
			client, target := tlsPair(version), pairFunc(tcpPair)
			if !breakApp {
				client, target = target, reversed(client)
			}
			j := join(t, client, target)
			broken, other, name := j.ends(breakApp)
			io.WriteString(broken, "half of it")
			broken.(*tls.Conn).NetConn().(*relay.Raw).NetConn().Close() // FIN at a record boundary, no close_notify
			got, err := io.ReadAll(other)
			if string(got) != "half of it" || !errno.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: other side got %q, %v, want the bytes and a reset", name, got, err)
			}
			err = j.wait(t)
			if checkError(t, err, name, "read"); !errors.Is(err, relay.ErrTruncated) {
				t.Errorf("got %v, want %v", err, relay.ErrTruncated)
			}
		}
	}
	checkReturned(t)
}

// A close_notify ends in order whatever comes after it.
func TestTLSCloseNotifyIsAnEnd(t *testing.T) {
	j := join(t, tlsPair(tls.VersionTLS13), tcpPair)
	j.app.Close()
	if _, err := j.origin.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	j.origin.Close()
	if err := j.wait(t); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestTLSAndPlainSlowReaderHoldsBoundedMemory(t *testing.T) {
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		j := join(t, client, target)
		stopped := make(chan int)
		go func() { // writes until the tunnel is ended: the origin does not read
			total := 0
			for block := make([]byte, 1<<20); ; {
				n, err := j.app.Write(block)
				if total += n; err != nil {
					stopped <- total
					return
				}
			}
		}()
		waitStill(t, &j.up)
		if n := relay.Lent(); n > 4 {
			t.Errorf("%d buffers are held for one direction, want 4 at most", n)
		}
		j.cancel(errors.New("enough"))
		if total := <-stopped; total == 0 {
			t.Error("nothing was written")
		}
		j.wait(t)
		checkReturned(t)
	})
}
