package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// quiet is how long stdin may have nothing, once the far end has ended.
const quiet = time.Second

// join moves stdin to c and c to stdout, and closes c. The end of stdin is
// handed on as a half-close. Join returns when the far end has ended and what
// stdin holds is sent: a stdin that stays open, as a terminal does, is no reason
// to stay.
func join(s streams, c net.Conn) error {
	defer c.Close()
	in := &input{Reader: s.in, failed: make(chan error, 1), sent: make(chan struct{})}
	go in.sendTo(c) // ends with stdin or c; one that waits for stdin ends with the process
	_, err := io.Copy(s.out, c)
	if err == nil {
		in.wait()
	}
	select {
	case inErr := <-in.failed:
		return fmt.Errorf("read stdin: %w", inErr)
	default:
		return err
	}
}

// input is stdin on its way to a conn.
type input struct {
	io.Reader
	failed chan error    // how reading failed; has room for one
	sent   chan struct{} // closed when there is no more to send
	turns  atomic.Int64  // grows before and after each read: odd while one waits
}

// sendTo sends all of in to c. A failure of in is not its end: the far end has
// to see a failure too. A failure of c is for the reader of c to tell, who may
// find the reason there.
func (in *input) sendTo(c net.Conn) {
	defer close(in.sent)
	_, err := io.Copy(c, in)
	switch {
	case len(in.failed) > 0:
		relay.Abort(c)
	case err == nil:
		_ = relay.CloseWrite(c) // the reader of c sees it too
	}
}

// Read is for sendTo alone: it tells failures of stdin from those of the conn.
func (in *input) Read(p []byte) (int, error) {
	in.turns.Add(1)
	n, err := in.Reader.Read(p)
	in.turns.Add(1)
	if err != nil && !errors.Is(err, io.EOF) {
		in.failed <- err
	}
	return n, err
}

// wait returns when all is sent, or when one read has waited for all of quiet.
func (in *input) wait() {
	for before := int64(0); ; {
		select {
		case <-in.sent:
			return
		case <-time.After(quiet):
		}
		now := in.turns.Load()
		if now == before && now%2 == 1 {
			return
		}
		before = now
	}
}
