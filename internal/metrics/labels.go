package metrics

import (
	"errors"
	"strings"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// command is what a session asked for, as a label.
type command int

// The commands, and none for a session that was not understood.
const (
	connect command = iota
	bind
	udp
	none
	numCommands
)

// String returns the label.
func (c command) String() string {
	return [...]string{"connect", "bind", "udp", "none"}[c]
}

// commandOf sorts a command, of which a client may have made one up.
func commandOf(s *server.Session) command {
	for c := range none {
		if s.Command == c.String() {
			return c
		}
	}
	return none
}

// results returns why sessions end.
func results() []server.EndReason {
	return []server.EndReason{
		server.EndOK, server.EndDenied, server.EndQuota, server.EndLogin, server.EndLimit, server.EndTLS, server.EndUnasked,
		server.EndIncomplete, server.EndFailed, server.EndIdle, server.EndAborted, server.EndShutdown, server.EndKilled,
	}
}

// tlsReasons returns why handshakes with clients fail.
func tlsReasons() []string {
	return []string{
		certs.ReasonNoCertificate, certs.ReasonUnknownCA, certs.ReasonExpired, certs.ReasonNotYetValid,
		certs.ReasonKeyUsage, certs.ReasonRevoked, certs.ReasonVersion, certs.ReasonNotTLS,
		certs.ReasonRefused, certs.ReasonTruncated, certs.ReasonTimeout, certs.ReasonOther,
	}
}

// tlsReasonOf sorts the error of a handshake with a client.
func tlsReasonOf(err error) string {
	if errors.Is(err, relay.ErrTruncated) { // which certs knows nothing of
		return certs.ReasonTruncated
	}
	return certs.Reason(err)
}

// replyOf returns a code of RFC 1928, section 6, as a label.
func replyOf(code byte) string {
	switch socks5.Reply(code) {
	case socks5.NotAllowed:
		return "not_allowed"
	case socks5.NetworkUnreachable:
		return "network_unreachable"
	case socks5.HostUnreachable:
		return "host_unreachable"
	case socks5.ConnectionRefused:
		return "connection_refused"
	case socks5.TTLExpired:
		return "ttl_expired"
	case socks5.CommandNotSupported:
		return "command_not_supported"
	case socks5.AddressTypeNotSupported:
		return "address_type_not_supported"
	}
	return "general_failure"
}

// attempt is an end of logins, as labels.
type attempt struct{ method, result string }

// attempts returns those that the logins of this program come to.
func attempts() []attempt {
	return []attempt{
		{"none", "ok"},
		{"password", "ok"}, {"password", "wrong"}, {"password", "fault"}, {"password", "timeout"}, {"password", "locked"},
		{"certificate", "ok"}, {"certificate", "no_certificate"}, {"certificate", "certificate"},
		{"unknown", "no_method"},
	}
}

// attemptOf sorts an end of logins, of which an Authenticator may have made one up.
func attemptOf(r server.LoginResult) attempt {
	a := attempt{"other", "other"}
	switch r.Method {
	case "none", "password", "certificate":
		a.method = r.Method
	case "":
		a.method = "unknown"
	}
	switch r.Reason {
	case "":
		a.result = "ok"
	case server.LoginWrong, server.LoginFault, server.LoginTimeout, server.LoginNoMethod,
		server.LoginNoCertificate, server.LoginCertificate, server.LoginLocked:
		a.result = strings.ReplaceAll(string(r.Reason), " ", "_")
	}
	return a
}
