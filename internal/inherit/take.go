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

// Receive asks the process at the other end of c for its listeners. It closes c
// when it fails, and otherwise the Set does.
func Receive(c *net.UnixConn) (*Set, error) {
	_ = c.SetDeadline(time.Now().Add(patience)) // one that cannot be set fails the first read
	s := &Set{c: c}
	for {
		last, err := s.next()
		if err != nil {
			s.Close()
			return nil, err
		}
		if last {
			return s, nil
		}
	}
}

// next asks for one more listener.
func (s *Set) next() (last bool, err error) {
	_, sendErr := s.c.Write(message{Next: true}.line())
	m, files, err := receive(s.c) // a refusal may be there, though nobody listens any more
	defer closeAll(files)
	switch {
	case err != nil:
		return false, errors.Join(err, sendErr)
	case m.Last && len(files) == 0:
		return true, nil
	case m.Kind == "" || len(files) != 1:
		return false, errProtocol
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return false, err
	}
	s.add(Listener{Listener: l, Kind: m.Kind, Asked: m.Asked, Passed: m.Passed})
	return false, nil
}

// Commit tells the process that serves too that what was taken is served now, and
// has it stop accepting; where there is none it does nothing. With an error other
// than [ErrUnconfirmed] that process goes on, and the caller is to stop. From here
// on the caller's are the paths of unix sockets.
func (s *Set) Commit() error {
	if s == nil || s.c == nil {
		return nil
	}
	m := message{Serves: true}
	for i, taken := range s.taken {
		if taken {
			m.Serving = append(m.Serving, i)
		}
	}
	_, sendErr := s.c.Write(m.line())
	answer, files, err := receive(s.c) // there may be one, though nobody listens any more
	closeAll(files)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		err = fmt.Errorf("%w: %w", ErrUnconfirmed, errors.Join(sendErr, err))
	case err != nil:
		return err
	case !answer.Done:
		return errProtocol
	}
	s.ownPaths()
	return err
}

// ownPaths has the paths of the sockets that were taken removed with them.
func (s *Set) ownPaths() {
	for i, l := range s.all {
		if s.taken[i] && !l.Passed {
			KeepPath(l.Listener, false)
		}
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
