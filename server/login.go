package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/socksctl/socksctl/internal/socks5"
)

// login reads the greeting, chooses the method and proves who the client is
// (RFC 1928, section 3, and RFC 1929).
func (c *conn) login() error {
	c.enter(StageGreeting)
	offered, err := socks5.ReadGreeting(c.in)
	if err != nil {
		return fmt.Errorf("read greeting: %w", err)
	}
	c.enter(StageLogin)
	auth := c.choose(offered)
	if auth == nil {
		return c.refuseMethod(errNoMethod)
	}
	if auth.Method(c.Session) == socks5.MethodPassword {
		return c.password(auth)
	}
	if c.Identity, err = c.authenticate(auth, "none", Login{}); err != nil {
		return c.refuseMethod(err)
	}
	return c.write(socks5.AppendMethod(nil, socks5.MethodNone))
}

// choose returns the first way to log in that is open to the client and that it
// offers, or nil: the server decides, and 0xFF never matches.
func (c *conn) choose(offered []byte) Authenticator {
	ways := c.server.Auth
	if len(ways) == 0 {
		ways = []Authenticator{NoAuth{}}
	}
	for _, auth := range ways {
		method := auth.Method(c.Session)
		spoken := method == socks5.MethodNone || method == socks5.MethodPassword
		if spoken && slices.Contains(offered, method) {
			return auth
		}
	}
	return nil
}

// password reads a name and password and asks auth about them.
func (c *conn) password(auth Authenticator) error {
	if err := c.write(socks5.AppendMethod(nil, socks5.MethodPassword)); err != nil {
		return err
	}
	name, password, err := socks5.ReadLogin(c.in)
	if err != nil && !errors.Is(err, socks5.ErrVersion) {
		return fmt.Errorf("read login: %w", err)
	}
	if err == nil {
		c.Tried = name
		c.Identity, err = c.verify(auth, Login{Name: name, Password: password})
	}
	if werr := c.write(socks5.AppendLoginReply(nil, err == nil)); werr != nil {
		return errors.Join(err, werr)
	}
	return err
}

// verify asks auth, but not about what no account can have, and for nobody who is
// locked out. Who gets locked out while auth is being asked, by other attempts
// that fail, is refused whatever it says: many at once would be many guesses.
func (c *conn) verify(auth Authenticator, login Login) (Identity, error) {
	who := guesserOf(c.Session, login.Name)
	if c.server.guesses.locked(who) {
		return Identity{}, lockedOut(login.Name)
	}
	var id Identity
	err := error(&LoginError{Method: "password", Reason: LoginWrong, Err: errors.New("empty name or password")})
	if login.Name != "" && login.Password != "" {
		id, err = c.authenticate(auth, "password", login)
	}
	refused, _ := errors.AsType[*LoginError](err)
	switch {
	case c.server.guesses.locked(who):
		return Identity{}, lockedOut(login.Name)
	case err == nil:
		c.server.guesses.forgive(who)
	case refused != nil && refused.Reason == LoginWrong:
		c.server.guesses.failed(who, c.server.inForce())
	}
	return id, err
}

// authenticate asks auth, which has until the deadline of the handshake: the
// deadline of the connection does not reach it.
func (c *conn) authenticate(auth Authenticator, method string, login Login) (Identity, error) {
	if nobody, ok := auth.(NoAuth); ok { // who takes no time
		return nobody.Authenticate(c.ctx, c.Session, login)
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.Start.Add(c.server.inForce().Handshake))
	defer cancel()
	id, err := auth.Authenticate(ctx, c.Session, login)
	if err != nil {
		return Identity{}, loginError(ctx, method, err)
	}
	return id, nil
}

// refuseMethod sends 0xFF and returns err.
func (c *conn) refuseMethod(err error) error {
	return errors.Join(err, c.write(socks5.AppendMethod(nil, socks5.MethodRefused)))
}

func (c *conn) write(b []byte) error {
	_, err := c.peer.Write(b)
	return err
}
