package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/page"
)

var (
	errHost   = errors.New("this is not the host that the request is for")
	errOrigin = errors.New("a web page may not change anything here")
	errTokens = errors.New("changes over an address take a token: start the service with --admin-token-file, or use its unix socket")
	errToken  = errors.New("the token is missing or wrong: send the one of the service's --admin-token-file")
)

// guard refuses what may not be asked for, before anything looks at it.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, err := s.judge(r); err != nil {
			if status == http.StatusUnauthorized && s.isPage(r) {
				s.askToken(w, "")
				return
			}
			s.refused(r, err)
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			refuse(w, status, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refused logs a request that was refused.
func (s *Server) refused(r *http.Request, err error) {
	s.Log.Warn("admin request refused", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "err", err)
}

// judge returns the status of a refusal and its reason.
func (s *Server) judge(r *http.Request) (int, error) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, owned := local.(*net.UnixAddr)
	change := !isRead(r)
	switch {
	case owned && !isLocalName(r.Host), !owned && !s.isHere(r.Host, local): // a name that was made to lead here: DNS rebinding
		return http.StatusForbidden, errHost
	case s.hasPage() && isOpen(r): // looks at the request itself
		return 0, nil
	case change && r.Header.Get("Origin") != "":
		return http.StatusForbidden, errOrigin
	case owned || isProbe(r.URL.Path) || !change && s.token() == "":
		return 0, nil
	case r.URL.Path == pagePath && !change && s.signedIn(r):
		return 0, nil
	case s.token() == "":
		return http.StatusForbidden, errTokens
	case !sameToken(r.Header.Get("Authorization"), "Bearer "+s.token()):
		return http.StatusUnauthorized, errToken
	}
	return 0, nil
}

// isProbe tells of what is asked by who watches over a service, and has no token.
func isProbe(path string) bool { return path == healthPath || path == readyPath }

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// isOpen tells of what everyone may ask for who sees the login.
func isOpen(r *http.Request) bool {
	return r.URL.Path == loginPath || isRead(r) && slices.Contains(page.Assets(), strings.TrimPrefix(r.URL.Path, pagePath))
}

// isLocalName tells of a host that a client on this host may call a unix socket by:
// any name without a dot, and loopback. A browser that was led to a tunnel to the
// socket, as ssh makes them, has a name with dots.
func isLocalName(host string) bool {
	host = bareHost(host)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || err != nil && !strings.Contains(strings.TrimSuffix(host, "."), ".")
}

// isHere tells whether host, of a request that came in at local, means that.
func (s *Server) isHere(host string, local net.Addr) bool {
	host = bareHost(host)
	same := func(name string) bool { return strings.EqualFold(host, name) }
	if same("localhost") || slices.ContainsFunc(s.Hosts, same) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	tcp, ok := local.(*net.TCPAddr)
	return err == nil && ok && ip.Unmap() == tcp.AddrPort().Addr().Unmap()
}

// bareHost returns a host without its port and brackets.
func bareHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.Trim(host, "[]")
}

// sameToken compares in a time that tells nothing of either, their lengths
// included.
func sameToken(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
