package subject

import "github.com/socksctl/socksctl/bench/load/internal/bound"

// Names of the bounds.
const (
	BoundSplice  = "bound: splice relay"
	BoundPooled  = "bound: splice, pipe only while bytes wait"
	BoundTLS     = "bound: crypto/tls relay"
	BoundForward = "bound: crypto/tls forwarder + server"
	BoundUDP     = "bound: UDP relay"
)

// Splice is the bare relay of io.Copy between TCP sockets.
func Splice() Subject { return plainBound(BoundSplice, bound.Copy) }

// Pooled is the bare relay that holds a pipe only while bytes wait.
func Pooled() Subject { return plainBound(BoundPooled, bound.Pooled) }

func plainBound(name, kind string) Subject {
	return Subject{Name: name, Bound: true, start: func(e *Env, r *Running, target string, _ Options) error {
		r.Way.Proxy, r.Way.Bare = e.address(), true
		return r.start(r.Way.Proxy, e.self, "bound", "-kind", kind, "-listen", r.Way.Proxy, "-target", target)
	}}
}

// TLS is the bare relay of io.Copy between TLS and TCP.
func TLS() Subject {
	return Subject{Name: BoundTLS, Bound: true, start: func(e *Env, r *Running, target string, o Options) error {
		r.Way.Proxy, r.Way.Bare, r.Way.TLS = e.address(), true, e.app(o)
		return e.boundTLS(r, r.Way.Proxy, target, o.Mutual)
	}}
}

// ForwardTLS is a bare relay into mutual TLS, and one out of it.
func ForwardTLS() Subject {
	return Subject{Name: BoundForward, Bound: true, start: func(e *Env, r *Running, target string, o Options) error {
		server := e.address()
		if err := e.boundTLS(r, server, target, true); err != nil {
			return err
		}
		by, err := r.by(server, o.Delay)
		if err != nil {
			return err
		}
		r.Way.Proxy, r.Way.Bare = e.address(), true
		return r.start(r.Way.Proxy, e.self, "bound", "-kind", bound.Copy, "-listen", r.Way.Proxy, "-target", by,
			"-target-ca", e.ca, "-target-name", serverName, "-target-cert", e.clientCert, "-target-key", e.clientKey)
	}}
}

func (e *Env) boundTLS(r *Running, listen, target string, mutual bool) error {
	args := []string{"bound", "-kind", bound.Copy, "-listen", listen, "-target", target, "-cert", e.serverCert, "-key", e.serverKey}
	if mutual {
		args = append(args, "-client-ca", e.ca)
	}
	return r.start(listen, e.self, args...)
}

// UDP is the bare relay of datagrams.
func UDP() Subject {
	return Subject{Name: BoundUDP, Bound: true, start: func(e *Env, r *Running, target string, _ Options) error {
		r.Way.Proxy, r.Way.Bare = e.address(), true
		return r.start(r.Way.Proxy, e.self, "bound", "-kind", bound.UDP, "-listen", r.Way.Proxy, "-target", target)
	}}
}
