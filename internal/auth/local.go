package auth

import (
	"context"
	"net"

	"github.com/socksctl/socksctl/server"
)

// Local admits without a login those who come from this host to a plain
// listener: over loopback, or over a unix socket, and by no balancer. It is what a
// server without any login does, for servers that have one for everybody else.
func Local() server.Authenticator { return local{} }

type local struct{}

func (local) Method(s *server.Session) byte {
	if s.TLS == nil && s.Via == nil && isLocal(s.Client) {
		return methodNone
	}
	return methodUnacceptable
}

func (local) Authenticate(context.Context, *server.Session, server.Login) (server.Identity, error) {
	return server.Identity{Method: "none"}, nil
}

// Plain admits without a login whoever comes to a plain listener. It is for
// servers that have logins on other listeners, and whose rules know the clients
// of this one by their addresses.
func Plain() server.Authenticator { return plain{} }

type plain struct{ local }

func (plain) Method(s *server.Session) byte {
	if s.TLS == nil {
		return methodNone
	}
	return methodUnacceptable
}

func isLocal(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}
