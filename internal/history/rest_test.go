//go:build !race

// The race detector allocates.

package history_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// TestTunnelsAtRestAllocateNothing looks at open tunnels as a Recorder does twice a
// second, whatever their number.
func TestTunnelsAtRestAllocateNothing(t *testing.T) {
	recorder := history.Start(forgetful{}, history.Options{Interval: time.Hour})
	defer recorder.Close()
	s := &server.Server{Observer: recorder}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }() // ends with Close
	tcp, _ := echoes(t)
	c, err := (&client.Dialer{Address: l.Addr().String(), Timeout: limit}).Dial("tcp", tcp)
	if err != nil {
		t.Fatal(err)
	}
	echo := func() {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	settle := func() (rows int) {
		for n := 1; n > 0; rows += n { // what moved a moment ago is counted soon
			n = recorder.Settle(time.Now())
		}
		return rows
	}
	echo()
	now := time.Now()
	allocations := func() float64 {
		settle()
		return testing.AllocsPerRun(100, func() { recorder.Settle(now) })
	}
	got := allocations()
	for tries := 0; got != 0 && tries < 20; tries++ { // the byte may have been noted only now
		got = allocations()
	}
	if got != 0 {
		t.Errorf("at rest: got %v allocations, want none", got)
	}
	if got := recorder.Settle(now.Add(time.Hour)); got != 1 {
		t.Errorf("after an hour: got %d rows, want 1", got)
	}
	echo()
	for settle() == 0 { // it is noted soon that a byte has moved
		runtime.Gosched()
	}
	c.Close()
	if err := errors.Join(s.Close(), ignoreClosed(<-served)); err != nil {
		t.Error(err)
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}
