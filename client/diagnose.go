package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// Diagnosis is an error of a [Dialer] for people.
type Diagnosis struct {
	Cause Cause  // empty when there is no more to say than Why
	Why   string // the error in words, a reply with its code
	Next  string // what to do about it; may be empty
}

// Diagnose says what kind of error err is and what to do about it. err is of a
// method of a Dialer, or wraps such a one.
func Diagnose(err error) Diagnosis {
	if err == nil {
		return Diagnosis{}
	}
	d := Diagnosis{Why: err.Error()}
	if fault, ok := errors.AsType[*ProxyError](err); ok {
		d.Cause, d.Next = fault.diagnose()
		if d.Cause == CauseHungUp || d.Cause == CauseTLSCut {
			d.Why += " (it hung up)"
		}
	} else {
		d.diagnoseAnswer(err)
	}
	if explained, ok := errors.AsType[*certs.Error](err); ok && explained.Hint != "" {
		d.Why = strings.Replace(d.Why, "; "+explained.Hint, "", 1)
		if d.Next == "" { // what follows from the first bytes is more
			d.Next = explained.Hint
		}
	}
	return d
}

// diagnose tells what is wrong with the proxy.
func (e *ProxyError) diagnose() (Cause, string) {
	switch {
	case e.Op == "dial":
		return dialCause(e.Err)
	case e.Op == "udp":
		return CauseHungUp, "the proxy ended the association: its log says why"
	}
	if cause := alertCause(e.Err); cause != "" {
		return cause, ""
	}
	switch e.Op {
	case "tls":
		return tlsCause(e.Err)
	case "request":
		if hungUp(e.Err) {
			return CauseHungUp, "the proxy ended the connection when it was asked: its log says why"
		}
	}
	return socksCause(e.Err)
}

// dialCause tells why there is no connection to the proxy.
func dialCause(err error) (Cause, string) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return CauseNoSuchHost, "look for a slip in the name; if there is none, this host's DNS does not know it"
		}
		return CauseLookup, "DNS does not answer: is this host online?"
	}
	if errors.Is(err, fs.ErrNotExist) {
		return CausePortClosed, "there is no such socket: is the proxy running, and is this its path?"
	}
	switch socks5.ReplyFor(err) {
	case socks5.ConnectionRefused:
		return CausePortClosed, "nothing listens on that port: is the proxy running, and is this its port?"
	case socks5.TTLExpired:
		return CausePortSilent, "nothing answers: the host is down, or a firewall here, there or between drops what goes to that port; " +
			"try another network, or a port that firewalls let through, such as 443"
	case socks5.NetworkUnreachable, socks5.HostUnreachable:
		return CauseNoRoute, "there is no way to that host: is this host online, and the address right?"
	case socks5.NotAllowed:
		return CauseDial, "this host forbids it: look at its firewall, and at the permissions of a socket"
	}
	return CauseDial, ""
}

// alertCause is of an alert about a certificate or a name (RFC 8446, section 6),
// which comes in the handshake or, under TLS 1.3, with the first read. What to do
// about it package certs has said.
func alertCause(err error) Cause {
	alert, _ := certs.Alert(err)
	switch alert {
	case 116: // certificate required
		return CauseNoClient
	case 42, 43, 44, 45, 46, 48, 49: // bad, unsupported, revoked, expired, unknown, unknown CA, access denied
		return CauseBadClient
	case 112: // unrecognized name
		return CauseWrongName
	}
	return ""
}

// tlsCause tells why there is no TLS with the proxy.
func tlsCause(err error) (Cause, string) {
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return CauseNotTLS, notTLS(record.RecordHeader[:])
	}
	if hungUp(err) {
		return CauseTLSCut, "is this its port for plain connections (socks5://)? If not, a firewall may forbid TLS, or the server turns this host away: its log says so"
	}
	cause := causeOf(certs.Reason(err))
	if cause == CauseTLSSilent || errors.Is(err, errTimeout) {
		return CauseTLSSilent, "what listens there waits for something else than TLS (is it the right port?), or a firewall holds TLS up"
	}
	if _, explained := errors.AsType[*certs.Error](err); explained || cause != CauseTLS {
		return cause, ""
	}
	if _, alert := certs.Alert(err); alert {
		return cause, "the server broke TLS off: its log says why"
	}
	return cause, "what answers there does not keep to TLS: is this the right port?"
}

// notTLS says what begins with b.
func notTLS(b []byte) string {
	switch {
	case strings.HasPrefix(string(b), "HTTP"):
		return "what answers there is a web server or an HTTP proxy, without TLS: is this the port of socksctl?"
	case strings.HasPrefix(string(b), "SSH"):
		return "what answers there is SSH: is this the port of socksctl?"
	case b[0] == socks5.Version:
		return "what answers there is SOCKS without TLS: use socks5:// for it, or the port of its TLS listener"
	}
	return "is this its port for plain connections? Then use socks5://"
}

// socksCause tells why the proxy did not log us in.
func socksCause(err error) (Cause, string) {
	version, isVersion := errors.AsType[*socks5.VersionError](err)
	switch {
	case errors.Is(err, ErrLogin):
		return CauseLogin, "look at user name and password: they are case-sensitive, and in a URL % : / ? # and @ are written as %25 %3A %2F %3F %23 and %40; " +
			"\"socksctl user verify\" on the server tries them"
	case errors.Is(err, ErrMethod):
		return CauseMethod, "the proxy wants a user name and password (socks5+tls://USER@HOST, --password-file), or a client certificate (--cert and --key), or neither"
	case isVersion:
		return CauseNotSOCKS, notSOCKS(version.Got)
	case hungUp(err):
		return CauseHungUp, "the proxy turns this host away, is full, or has locked it out after wrong logins: its log says so; or what listens there is no SOCKS5 server"
	case errors.Is(err, errTimeout):
		return CauseSilent, "what listens there waits for something else: is this the port of a SOCKS5 server, and is it with TLS (socks5+tls://) or without?"
	}
	return CauseNotSOCKS, "what answers there does not keep to SOCKS5: is this the port of a SOCKS5 server?"
}

// notSOCKS says what begins with b.
func notSOCKS(b byte) string {
	switch b {
	case 'H':
		return "what answers there is a web server or an HTTP proxy: is this the port of socksctl?"
	case 'S':
		return "what answers there is SSH: is this the port of socksctl?"
	case 0x15, 0x16:
		return "what answers there is TLS: use socks5+tls:// for it"
	case 0x00, 0x04:
		return "what answers there is SOCKS4: socksctl speaks SOCKS5"
	}
	return fmt.Sprintf("what answers there begins with 0x%02x and is no SOCKS5 server: is this the right port?", b)
}

// hungUp tells whether the far end closed the connection without a word.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, relay.ErrTruncated) ||
		certs.Reason(err) == certs.ReasonTruncated || socks5.ReplyFor(err) == socks5.ConnectionRefused
}
