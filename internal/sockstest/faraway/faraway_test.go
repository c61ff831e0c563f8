package faraway_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/sockstest/faraway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everything takes the time that it should, and no more.
func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const way = 50 * time.Millisecond
		n := faraway.New(way)
		begin := time.Now()
		after := func(what string, ways time.Duration) {
			t.Helper()
			if got := time.Since(begin); got != ways*way {
				t.Errorf("%s after %v, want %v", what, got, ways*way)
			}
		}
		go func() { // ends with the conn
			c, err := n.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.Copy(c, c)
		}()
		c, err := n.Dial("tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		after("dialled", 2)
		for _, part := range []string{"a", "b"} {
			io.WriteString(c, part)
		}
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		after("echoed", 4)
		if got := n.Dialed()[0].Flights(); got != 1 {
			t.Errorf("%d flights, want 1", got)
		}
		c.SetReadDeadline(time.Now().Add(way))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
		after("the deadline", 5)
		c.Close()
		time.Sleep(way)
		synctest.Wait() // the echo has seen the end
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
		n.Close()
		if _, err := n.Dial("tcp", ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	})
}
