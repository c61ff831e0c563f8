package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
)

// ErrMethod tells that the proxy takes none of the methods of login that it was
// offered: it wants a password and has none, or something else altogether.
var ErrMethod = errors.New("the proxy takes none of the login methods offered")

// errUnforeseen tells that a method sent ahead is not the one that the proxy
// wants. What followed on that connection is lost.
var errUnforeseen = errors.New("the proxy wants another login method")

// login greets and logs in, step by step.
func (s *session) login(ctx context.Context) error {
	methods := []byte{socks5.MethodNone}
	if s.d.User != "" {
		methods = append(methods, socks5.MethodPassword)
	}
	var method byte
	s.in.expect(certainMethod)
	err := s.exchange(ctx, socks5.AppendGreeting(nil, methods...), func() (err error) {
		method, err = socks5.ReadMethod(&s.in)
		return err
	})
	if err == nil {
		err = s.loginBy(ctx, method)
	}
	if err != nil {
		return s.d.fault("login", certs.Explain(err))
	}
	s.loggedIn, s.password = true, method == socks5.MethodPassword
	return nil
}

// loginBy does what the method that the proxy chose asks for.
func (s *session) loginBy(ctx context.Context, method byte) error {
	switch {
	case method == socks5.MethodNone:
		return nil
	case method == socks5.MethodRefused:
		return ErrMethod
	case method != socks5.MethodPassword || s.d.User == "":
		return fmt.Errorf("the proxy chose login method 0x%02x, which it was not offered", method)
	}
	msg, err := socks5.AppendLogin(nil, s.d.User, s.d.Password)
	if err != nil {
		return err
	}
	s.in.expect(certainLogin)
	return s.exchange(ctx, msg, func() error { return socks5.ReadLoginReply(&s.in) })
}

// loginWith greets, logs in and asks in one flight. It offers only the method
// that it sends: a proxy that took another would read the login as a request.
func (s *session) loginWith(ctx context.Context, req socks5.Request) error {
	method := socks5.MethodNone
	s.in.expect(certainMethod)
	if s.d.User != "" {
		method = socks5.MethodPassword
		s.in.expect(certainLogin)
	}
	msg := socks5.AppendGreeting(nil, method)
	if method == socks5.MethodPassword {
		var err error
		if msg, err = socks5.AppendLogin(msg, s.d.User, s.d.Password); err != nil {
			return err
		}
	}
	msg = socks5.AppendRequest(msg, req)
	err := s.exchange(ctx, msg, func() error { return s.readLogin(method) })
	s.loggedIn = err == nil
	s.password = s.loggedIn && method == socks5.MethodPassword
	return err
}

// readLogin reads the answers to what was sent ahead.
func (s *session) readLogin(sent byte) error {
	method, err := socks5.ReadMethod(&s.in)
	switch {
	case err != nil:
		return err
	case method == socks5.MethodRefused && sent == socks5.MethodPassword:
		return errUnforeseen
	case method == socks5.MethodRefused:
		return ErrMethod
	case method != sent:
		return fmt.Errorf("the proxy chose login method 0x%02x, which it was not offered", method)
	case sent == socks5.MethodPassword:
		return socks5.ReadLoginReply(&s.in)
	}
	return nil
}
