package client

import (
	"errors"
	"fmt"
	"net"

	"github.com/socksctl/socksctl/internal/socks5"
)

// ProxyError tells that the proxy itself is at fault and not what was asked of
// it: it cannot be reached, its certificate or its login failed, or it does not
// keep to the protocol.
type ProxyError struct {
	Op    string // what was tried: "dial", "tls", "login", "request" or "udp"
	Proxy string // the URL of the proxy, without the password
	Err   error
}

// Error names the proxy, the step and the cause.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("proxy %s: %s: %v", e.Proxy, e.Op, e.Err)
}

// Unwrap returns "network unreachable" (reply 03) and the cause. A server that
// passes the error on answers by the first: any other code would accuse the
// target.
func (e *ProxyError) Unwrap() []error { return []error{socks5.NetworkUnreachable, e.Err} }

// Timeout tells whether the proxy was too slow, as net.Error asks.
func (e *ProxyError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Temporary is there because net.Error asks for it too.
func (e *ProxyError) Temporary() bool { return false }

// ErrLogin tells that the proxy refused the user name and password.
var ErrLogin = socks5.ErrLogin

// ErrUDPOff tells that a Dialer was asked for datagrams that its mode forbids.
var ErrUDPOff error = &wrapped{"datagrams are switched off", socks5.CommandNotSupported}

// ErrUDPNotEncrypted tells that the proxy has no way to carry datagrams inside
// TLS. They are not sent in clear text instead, unless [UDPPlain] is chosen.
// It is fs.ErrPermission too.
var ErrUDPNotEncrypted error = &wrapped{"the proxy cannot carry datagrams inside TLS", socks5.NotAllowed}

// errTimeout is what a step ends with that took longer than its field allows.
var errTimeout error = &wrapped{"no answer in time", socks5.TTLExpired}

// wrapped is a sentinel with words of its own and the reply it stands for.
type wrapped struct {
	text string
	code socks5.Reply
}

// Error returns the words.
func (e *wrapped) Error() string { return e.text }

// Unwrap returns the code.
func (e *wrapped) Unwrap() error { return e.code }

// Timeout tells whether e is a timeout, as net.Error asks.
func (e *wrapped) Timeout() bool { return e.code.Timeout() }

// fault makes a ProxyError of err.
func (d *Dialer) fault(op string, err error) error {
	return &ProxyError{Op: op, Proxy: d.URL(), Err: err}
}

// refused dresses what the proxy answered, or that it did not, as net.Dial
// would. A ProxyError passes unchanged.
func (d *Dialer) refused(op, network string, addr net.Addr, err error) error {
	if _, ok := err.(*ProxyError); ok { //nolint:errorlint // only err itself, not one that it wraps
		return err
	}
	return &net.OpError{Op: op, Net: network, Source: Addr(d.Address), Addr: addr, Err: err}
}

// assigned returns err, or general failure with the number in words when the
// proxy answered a code that RFC 1928 does not have.
func assigned(err error) error {
	var reply socks5.Reply
	if errors.As(err, &reply) && reply > socks5.AddressTypeNotSupported {
		return fmt.Errorf("%w (reply 0x%02x)", socks5.GeneralFailure, byte(reply))
	}
	return err
}
