package server

import (
	"context"
	"errors"
	"fmt"
)

// LoginReason is why a login was refused, in a word that can label a counter.
type LoginReason string

// Of these only LoginWrong says that somebody may be guessing.
const (
	LoginWrong         LoginReason = "wrong"          // the name or the password
	LoginFault         LoginReason = "fault"          // what verifies logins failed itself
	LoginTimeout       LoginReason = "timeout"        // there was no verdict in the time that there is for one
	LoginNoMethod      LoginReason = "no method"      // the client offers none that is open to it
	LoginNoCertificate LoginReason = "no certificate" // none that was verified
	LoginCertificate   LoginReason = "certificate"    // it has no identity that can be used
	LoginLocked        LoginReason = "locked"         // too many failed before
)

// LoginError is a refused login. It is an [ErrLogin]. The client is told of
// every one in the same way.
type LoginError struct {
	Method string // as in Identity; empty when none was chosen
	Reason LoginReason
	Err    error // what more is known, and nil if nothing is; never a password
}

// Error returns the reason, and what more is known.
func (e *LoginError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%v (%s)", ErrLogin, e.Reason)
	}
	return fmt.Sprintf("%v (%s): %v", ErrLogin, e.Reason, e.Err)
}

// Unwrap returns Err.
func (e *LoginError) Unwrap() error { return e.Err }

// Is tells that e is an [ErrLogin].
func (e *LoginError) Is(target error) bool { return target == ErrLogin }

// loginError makes err, of an authenticator, a LoginError if it is none: so that
// there is a reason to count whoever wrote it. ctx is what that was called with.
func loginError(ctx context.Context, method string, err error) error {
	if _, is := errors.AsType[*LoginError](err); err == nil || is {
		return err
	}
	reason := LoginFault
	switch {
	case errors.Is(err, ErrLogin):
		reason = LoginWrong
	case ctx.Err() != nil:
		reason = LoginTimeout
	}
	return &LoginError{Method: method, Reason: reason, Err: err}
}
