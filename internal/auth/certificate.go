package auth

import (
	"context"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/server"
)

const (
	methodNone         = 0x00 // RFC 1928, section 3
	methodUnacceptable = 0xFF
)

const byCertificate = "certificate" // the Method of an Identity

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
		return server.Identity{}, &server.LoginError{Method: byCertificate, Reason: server.LoginNoCertificate}
	}
	user, err := certs.PeerIdentity(s.TLS.VerifiedChains[0][0], c.kind)
	if err != nil {
		return server.Identity{}, &server.LoginError{Method: byCertificate, Reason: server.LoginCertificate, Err: err}
	}
	return server.Identity{User: user, Method: byCertificate}, nil
}

func verified(s *server.Session) bool { return s.TLS != nil && len(s.TLS.VerifiedChains) > 0 }
