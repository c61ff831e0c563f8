package server

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// farewell is how long a connection may say nothing when the server shuts down: a
// request may be under way, of a client that saw no reason to hurry. A warm one has
// it once, any other before each step towards its request.
const farewell = 3 * time.Second

// errSilent is the reason of those that said nothing for so long.
var errSilent = fmt.Errorf("%w: nothing came from the client for %v", ErrServerClosed, farewell)

// hurry has the client of a session that is not yet admitted go on soon, within the
// time that it had anyway. It bounds what is read, so that it takes no time from a
// login that is being judged.
func (s *Session) hurry() {
	last, soon := s.Start.Add(s.server.inForce().Handshake), time.Now().Add(farewell)
	if soon.Before(last) {
		last = soon
	}
	_ = s.raw.SetReadDeadline(last) // one that cannot be set fails the read
}

// hurryIfClosing is hurry at each step of a session that a shutdown found waiting.
func (s *Session) hurryIfClosing() {
	if s.server.isClosing() {
		s.hurry()
	}
}

// hurried returns the reason of what err ended: the shutdown, if the client was
// silent during one.
func (s *Session) hurried(err error) error {
	if s.Stage() > StageRequest || !errors.Is(err, os.ErrDeadlineExceeded) || !s.server.isClosing() {
		return err
	}
	return errSilent
}
