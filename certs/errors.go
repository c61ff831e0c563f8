package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
)

// The reasons that [Reason] returns; they are labels for counters.
const (
	ReasonNoCertificate = "none" // required, and not given
	ReasonUnknownCA     = "wrong_ca"
	ReasonForeignCA     = "foreign_ca" // of a server: a CA other than the one given, and the right name
	ReasonExpired       = "expired"
	ReasonNotYetValid   = "not_yet_valid"
	ReasonKeyUsage      = "key_usage"
	ReasonRevoked       = "revoked"
	ReasonWrongName     = "wrong_name"
	ReasonPinMismatch   = "pin_mismatch"
	ReasonVersion       = "bad_version"
	ReasonNotTLS        = "not_tls"
	ReasonRefused       = "refused_by_peer" // an alert of the far end
	ReasonTruncated     = "truncated"
	ReasonTimeout       = "timeout"
	ReasonOther         = "other"
)

// Error is a certificate that was refused, or an alert explained.
type Error struct {
	Reason string // one of the Reason constants
	Hint   string // what may be done about it; may be empty
	Err    error
}

// Error returns what is wrong, and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + "; " + e.Hint
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Reason sorts the error of a TLS handshake, or of the first read after one. It
// is empty for nil, and [ReasonOther] for what is none of the others.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	if reason := x509Reason(err); reason != "" {
		return reason
	}
	if code, ok := Alert(err); ok {
		if code == alertProtocolVersion {
			return ReasonVersion
		}
		return ReasonRefused
	}
	return transportReason(err)
}

func x509Reason(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return ReasonUnknownCA
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return ReasonWrongName
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok {
		return ""
	}
	switch invalid.Reason {
	case x509.Expired:
		if invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
			return ReasonNotYetValid
		}
		return ReasonExpired
	case x509.IncompatibleUsage:
		return ReasonKeyUsage
	case x509.NotAuthorizedToSign:
		return ReasonUnknownCA
	}
	return ReasonOther
}

func transportReason(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return ReasonNotTLS
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return ReasonTimeout
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errno.Is(err, syscall.ECONNRESET, syscall.EPIPE) {
		return ReasonTruncated
	}
	// crypto/tls has no type and no sentinel for these; a handshake in a test
	// tells when their texts change.
	for text, reason := range map[string]string{
		"tls: client didn't provide a certificate":             ReasonNoCertificate,
		"tls: client offered only unsupported versions":        ReasonVersion,
		"tls: server selected unsupported protocol version":    ReasonVersion,
		"tls: first record does not look like a TLS handshake": ReasonNotTLS,
	} {
		if strings.Contains(err.Error(), text) {
			return reason
		}
	}
	return ReasonOther
}
