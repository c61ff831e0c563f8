//go:build unix

package relay_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// prompt is what relay.Prompt adds to a conn.
type prompt interface {
	net.Conn
	WriteNow(b []byte) (all bool, err error)
	Flush() error
}

func promptPair(t *testing.T) (far net.Conn, near prompt) {
	t.Helper()
	far, under := tlsPair(tls.VersionTLS13)(t)
	near, ok := relay.Prompt(under).(prompt)
	if !ok {
		t.Fatalf("a %T over a Raw has no WriteNow", under)
	}
	return far, near
}

// What a peer that does not read leaves no room for waits for Flush, and nothing of
// it is lost or out of order.
func TestWriteNowNeverWaits(t *testing.T) {
	far, near := promptPair(t)
	var want []byte
	for all := true; all; {
		part := bytes.Repeat([]byte{byte(len(want) >> 14)}, 16<<10)
		var err error
		if all, err = near.WriteNow(part); err != nil {
			t.Fatal(err)
		}
		if want = append(want, part...); len(want) > 64<<20 {
			t.Fatal("64 MiB that nobody reads were taken")
		}
	}
	flushed := make(chan error, 1)
	go func() {
		err := near.Flush()
		if err == nil {
			_, err = near.Write([]byte("last"))
		}
		flushed <- err
	}()
	want = append(want, "last"...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v or other bytes than the %d written", err, len(want))
	}
	if err := <-flushed; err != nil {
		t.Errorf("Flush: got %v", err)
	}
	if n := relay.Lent(); n != 0 {
		t.Errorf("%d buffers are held, want 0", n)
	}
}

// The deadline of an earlier write does not fail a later one.
func TestWriteNowPastADeadline(t *testing.T) {
	far, near := promptPair(t)
	near.SetWriteDeadline(time.Unix(1, 0))
	if all, err := near.WriteNow([]byte("late")); all || err != nil {
		t.Fatalf("past the deadline: got %v, %v, want the bytes to be left to Flush", all, err)
	}
	near.SetWriteDeadline(time.Time{})
	if err := near.Flush(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "late" {
		t.Errorf("got %q, %v, want late", got, err)
	}
}

func TestWriteNowOnAClosedConn(t *testing.T) {
	_, near := promptPair(t)
	near.Close()
	all, err := near.WriteNow([]byte("x"))
	if err == nil && !all {
		err = near.Flush()
	}
	if err == nil {
		t.Error("a write on a closed conn did not fail")
	}
}

func TestPromptLeavesOtherConnsAsTheyAre(t *testing.T) {
	for name, pair := range map[string]pairFunc{"TCP": tcpPair, "no descriptor": memoryPair} {
		if _, c := pair(t); relay.Prompt(c) != c {
			t.Errorf("%s: got another conn", name)
		}
	}
}
