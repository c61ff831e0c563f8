package inherit

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Takeover is the side of the process that takes over: a Set, and the connection
// on which it came.
type Takeover struct {
	Set
	c *net.UnixConn
}

// Receive asks the process at the other end of c for its listeners. It closes c
// when it fails, and otherwise the Takeover does.
func Receive(c *net.UnixConn) (*Takeover, error) {
	_ = c.SetDeadline(time.Now().Add(patience)) // one that cannot be set fails the first read
	t := &Takeover{c: c}
	for {
		last, err := t.next()
		if err != nil {
			t.Close()
			return nil, err
		}
		if last {
			return t, nil
		}
	}
}

// next asks for one more listener.
func (t *Takeover) next() (last bool, err error) {
	if _, err := t.c.Write(message{Next: true}.line()); err != nil {
		return false, err
	}
	m, files, err := receive(t.c)
	defer closeAll(files)
	switch {
	case err != nil:
		return false, err
	case m.Last && len(files) == 0:
		return true, nil
	case m.Kind == "" || len(files) != 1:
		return false, errProtocol
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return false, err
	}
	t.add(Listener{Listener: l, Kind: m.Kind, Asked: m.Asked, Passed: m.Passed})
	return false, nil
}

// Commit tells the other process that what was taken is served now, and waits for
// it to stop accepting. With an error other than [ErrUnconfirmed] it goes on, and
// the caller is to stop. The paths of unix sockets belong to the caller from here on.
func (t *Takeover) Commit() error {
	m := message{Serves: true}
	for i, taken := range t.taken {
		if taken {
			m.Serving = append(m.Serving, i)
		}
	}
	if _, err := t.c.Write(m.line()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	answer, files, err := receive(t.c)
	closeAll(files)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	if err == nil && !answer.Done {
		err = errProtocol
	}
	if err != nil {
		return err
	}
	for i, l := range t.all {
		if t.taken[i] && !l.Passed {
			KeepPath(l.Listener, false)
		}
	}
	return nil
}

// Close ends a takeover. One that was not committed leaves the other process as it
// was. What nobody took is closed.
func (t *Takeover) Close() {
	t.Set.Close()
	t.c.Close()
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
