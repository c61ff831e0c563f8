package server

import (
	"context"
	"errors"
)

// Identity is who a session belongs to, once proven. The zero Identity is
// nobody in particular.
type Identity struct {
	User   string
	Groups []string
	Method string // how it was proven: "none", "password", "certificate"
}

// Login is what a client gives to prove who it is: a name and password of RFC
// 1929, where the method asks for one.
type Login struct {
	Name     string
	Password string
}

// Authenticator is one way to log in. A server asks its authenticators in
// their order and takes the first whose method the client offers. Its methods
// are called from many goroutines.
type Authenticator interface {
	// Method returns the method of RFC 1928 that s may use this way under: 0x00
	// without an exchange, 0x02 with a name and password. It returns 0xFF when
	// this way is not open to s, for the lack of a certificate for example.
	Method(s *Session) byte

	// Authenticate returns who s is, or an error, which the client sees as a
	// refusal without the text: a *LoginError, or one that wraps ErrLogin where
	// the login is wrong; any other is a fault. login is zero under method 0x00.
	// ctx ends with the time that the whole handshake may take.
	Authenticate(ctx context.Context, s *Session, login Login) (Identity, error)
}

// ErrLogin is what every refused login is; [LoginError] tells why.
var ErrLogin = errors.New("login refused")

// NoAuth admits everyone as nobody. Listing it is how a server says that it
// means to be open.
type NoAuth struct{}

// Method returns 0x00.
func (NoAuth) Method(*Session) byte { return 0x00 }

// Authenticate never refuses.
func (NoAuth) Authenticate(context.Context, *Session, Login) (Identity, error) {
	return Identity{Method: "none"}, nil
}
