package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/server"
)

const (
	methodNone         = 0x00 // RFC 1928, section 3
	methodUnacceptable = 0xFF
)

// Certificate logs in by the verified certificate of the client: its name of
// that kind is the user. A session without one cannot log in this way.
func Certificate(kind certs.IdentityKind) server.Authenticator { return certificate{kind} }

type certificate struct{ kind certs.IdentityKind }

func (certificate) Method(s *server.Session) byte {
	if !verified(s) {
		return methodUnacceptable
	}
	return methodNone
}

func (c certificate) Authenticate(_ context.Context, s *server.Session, _ server.Login) (server.Identity, error) {
	if !verified(s) {
		return server.Identity{}, fmt.Errorf("%w: %w", server.ErrLogin, errors.New("no verified client certificate"))
	}
	user, err := certs.PeerIdentity(s.TLS.VerifiedChains[0][0], c.kind)
	if err != nil {
		return server.Identity{}, fmt.Errorf("%w: %w", server.ErrLogin, err)
	}
	return server.Identity{User: user, Method: "certificate"}, nil
}

func verified(s *server.Session) bool { return s.TLS != nil && len(s.TLS.VerifiedChains) > 0 }
