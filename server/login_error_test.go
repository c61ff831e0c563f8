package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/server"
)

// refusing is a login by password, or without an exchange, that always fails.
type refusing struct {
	method byte
	err    error // nil: waits until its time is over
}

func (r refusing) Method(*server.Session) byte { return r.method }

func (r refusing) Authenticate(ctx context.Context, _ *server.Session, _ server.Login) (server.Identity, error) {
	if r.err == nil {
		<-ctx.Done()
		return server.Identity{}, ctx.Err()
	}
	return server.Identity{}, r.err
}

// Every refused login has a method and a reason in its record, whatever its
// authenticator returned, and the client cannot tell them apart.
func TestReasonsOfRefusedLogins(t *testing.T) {
	fault := errors.New("the directory is down")
	own := &server.LoginError{Method: "certificate", Reason: server.LoginCertificate, Err: fault}
	byName := func(name, password string) func(*testing.T, net.Conn) {
		return func(t *testing.T, c net.Conn) {
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 2)
			send(t, c, fmt.Appendf(nil, "\x01%c%s%c%s", len(name), name, len(password), password)...)
			expect(t, c, 1, 1)
		}
	}
	without := func(t *testing.T, c net.Conn) {
		send(t, c, 5, 1, 0)
		expect(t, c, 5, 0xFF)
	}
	for name, tc := range map[string]struct {
		auth server.Authenticator
		talk func(*testing.T, net.Conn)
		want string
	}{
		"wrong":           {refusing{2, fmt.Errorf("%w: no such user", server.ErrLogin)}, byName("u", "p"), "password/wrong"},
		"fault":           {refusing{2, fault}, byName("u", "p"), "password/fault"},
		"of the method":   {refusing{2, own}, byName("u", "p"), "certificate/certificate"},
		"without a login": {refusing{0, fault}, without, "none/fault"},
		"empty name":      {refusing{2, fault}, byName("", "p"), "password/wrong"},
		"empty password":  {refusing{2, fault}, byName("u", ""), "password/wrong"},
		"no method":       {refusing{2, fault}, without, "/no method"},
		"time": {refusing{2, nil}, func(t *testing.T, c net.Conn) {
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 2)
			send(t, c, 1, 1, 'u', 1, 'p')
			over(t, c)
		}, "password/timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			limits := server.Limits{Handshake: patience}
			if tc.auth == (refusing{2, nil}) {
				limits.Handshake = 50 * time.Millisecond
			}
			h := start(t, &server.Server{Auth: []server.Authenticator{tc.auth}, Limits: limits})
			tc.talk(t, h.dial(t))
			err := h.record(t).Err()
			refused, ok := errors.AsType[*server.LoginError](err)
			if !ok || !errors.Is(err, server.ErrLogin) {
				t.Fatalf("got %v, want a server.LoginError that is a server.ErrLogin", err)
			}
			if got := refused.Method + "/" + string(refused.Reason); got != tc.want {
				t.Errorf("got %s (%v), want %s", got, err, tc.want)
			}
		})
	}
	if got, want := own.Error(), "login refused (certificate): the directory is down"; got != want || !errors.Is(own, fault) {
		t.Errorf("got %q, want %q, and that it wraps what is known", got, want)
	}
}
