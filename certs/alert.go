package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
)

// The alerts of RFC 8446, section 6, that have something to say about us.
const (
	alertHandshakeFailure       tls.AlertError = 40
	alertBadCertificate         tls.AlertError = 42
	alertUnsupportedCertificate tls.AlertError = 43
	alertRevoked                tls.AlertError = 44
	alertExpired                tls.AlertError = 45
	alertCertificateUnknown     tls.AlertError = 46
	alertUnknownCA              tls.AlertError = 48
	alertAccessDenied           tls.AlertError = 49
	alertProtocolVersion        tls.AlertError = 70
	alertInsufficientSecurity   tls.AlertError = 71
	alertInternalError          tls.AlertError = 80
	alertUnrecognizedName       tls.AlertError = 112
	alertCertificateRequired    tls.AlertError = 116
)

// Alert returns the alert that the far end ended a connection with, when err is
// that: 120 for example is "no application protocol" (RFC 7301).
func Alert(err error) (code tls.AlertError, ok bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return 0, false
	}
	// crypto/tls keeps the type of an alert on a connection to itself.
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return tls.AlertError(v.Uint()), true
	}
	return 0, false
}

// Explain is for a client. It returns err with a sentence in front when err is
// an alert by which the server refused us: then it is an [*Error]. Under TLS 1.3
// that comes with the first read, after a handshake that looked good (RFC 8446,
// section 4.4.2.4). Other errors are returned as they are.
func Explain(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &Error{ReasonNotTLS, "is this its port for plain connections?", fmt.Errorf("the server does not speak TLS: %w", record)}
	}
	code, ok := Alert(err)
	if !ok {
		return err
	}
	text, hint := alertText(code)
	if text == "" {
		return err
	}
	return &Error{Reason(err), hint, fmt.Errorf("%s: %w", text, err)}
}

func alertText(code tls.AlertError) (text, hint string) {
	const refused = "the server refused our certificate"
	switch code {
	case alertCertificateRequired:
		return "the server requires a client certificate", "give one with --cert and --key"
	case alertHandshakeFailure:
		return "the server broke off the handshake", "it may require a client certificate (--cert and --key), or share no cipher suite with us"
	case alertBadCertificate:
		return refused, "it may be revoked, or not be meant for clients: the server's log says which"
	case alertUnsupportedCertificate, alertCertificateUnknown, alertAccessDenied:
		return refused, "the server's log says why"
	case alertRevoked:
		return refused + ": it is revoked", "ask who keeps its CA for another"
	case alertExpired:
		return refused + ": it has expired, or is not valid yet",
			"\"socksctl cert show\" prints its dates: if they are good by this host's clock, the server's is wrong"
	case alertUnknownCA:
		return refused + ": its CA is not one that the server trusts", "give one of the server's --client-ca, which \"socksctl cert client\" makes"
	case alertProtocolVersion:
		return "the server speaks no version of TLS that we do", "ours are 1.2 and 1.3: the server needs an update"
	case alertInsufficientSecurity:
		return "the server shares no cipher suite with us", "the server needs an update, or other settings of TLS"
	case alertInternalError:
		return "the server broke off the handshake for a fault of its own", "it may have no certificate yet: the server's log says"
	case alertUnrecognizedName:
		return "the server does not know the name that we asked for", "give the right one with --server-name"
	}
	return "", ""
}
