package socks5

import (
	"errors"
	"fmt"
	"io"
)

// Version is the first byte of every message of RFC 1928.
const Version = 0x05

// loginVersion is the first byte of every message of RFC 1929.
const loginVersion = 0x01

// The methods of RFC 1928, section 3, that this module knows.
const (
	MethodNone     byte = 0x00 // no login
	MethodPassword byte = 0x02 // RFC 1929
	MethodRefused  byte = 0xFF // none of the methods offered will do
)

// ErrVersion tells that a message does not begin with the version it must.
var ErrVersion = errors.New("wrong version")

// VersionError is an [ErrVersion] with the byte that came. It may show what else
// the peer speaks.
type VersionError struct{ Got, Want byte }

// Error returns both bytes.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%v: got 0x%02x, want 0x%02x", ErrVersion, e.Got, e.Want)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

// ErrLogin tells that a server refused a name and password (RFC 1929, section 2).
var ErrLogin = errors.New("wrong user name or password")

// AppendGreeting appends a client's greeting that offers methods, 255 at most.
func AppendGreeting(b []byte, methods ...byte) []byte {
	methods = methods[:min(len(methods), 255)]
	return append(append(b, Version, byte(len(methods))), methods...)
}

// ReadGreeting reads a client's greeting (RFC 1928, section 3) and returns the
// methods it offers, of which there may be none. When the first byte is not 05
// it reads no further and returns [ErrVersion].
func ReadGreeting(r io.Reader) ([]byte, error) {
	var head [2]byte
	if err := readVersion(r, head[:1], Version); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return nil, unexpected(err)
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(r, methods); err != nil {
		return nil, unexpected(err)
	}
	return methods, nil
}

// AppendMethod appends a server's choice of method.
func AppendMethod(b []byte, method byte) []byte { return append(b, Version, method) }

// ReadMethod reads a server's choice of method.
func ReadMethod(r io.Reader) (byte, error) {
	var b [2]byte
	if err := readVersion(r, b[:1], Version); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(r, b[1:]); err != nil {
		return 0, unexpected(err)
	}
	return b[1], nil
}

// AppendLogin appends a name and password (RFC 1929, section 2), each of 1 to
// 255 bytes; longer ones are an error that names neither.
func AppendLogin(b []byte, name, password string) ([]byte, error) {
	if len(name) == 0 || len(name) > 255 {
		return b, errors.New("a SOCKS user name has 1 to 255 bytes")
	}
	if len(password) == 0 || len(password) > 255 {
		return b, errors.New("a SOCKS password has 1 to 255 bytes")
	}
	b = append(append(b, loginVersion, byte(len(name))), name...)
	return append(append(b, byte(len(password))), password...), nil
}

// ReadLogin reads a name and password. Either may be empty: whether that is
// allowed is for the caller to say. It returns [ErrVersion] when the first byte
// is not 01 and reads no further then.
func ReadLogin(r io.Reader) (name, password string, err error) {
	var buf [256]byte
	if err := readVersion(r, buf[:1], loginVersion); err != nil {
		return "", "", err
	}
	if name, err = readField(r, buf[:]); err != nil {
		return "", "", err
	}
	password, err = readField(r, buf[:])
	return name, password, err
}

// readField reads a length byte and as many bytes behind it.
func readField(r io.Reader, buf []byte) (string, error) {
	if _, err := io.ReadFull(r, buf[:1]); err != nil {
		return "", unexpected(err)
	}
	field := buf[1 : 1+int(buf[0])]
	if _, err := io.ReadFull(r, field); err != nil {
		return "", unexpected(err)
	}
	return string(field), nil
}

// AppendLoginReply appends a server's answer to a login: 00 or 01.
func AppendLoginReply(b []byte, ok bool) []byte {
	if ok {
		return append(b, loginVersion, 0x00)
	}
	return append(b, loginVersion, 0x01)
}

// ReadLoginReply reads a server's answer to a login and returns [ErrLogin]
// unless it is 00. The version byte is not looked at: some servers answer 05.
func ReadLoginReply(r io.Reader) error {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return unexpected(err)
	}
	if b[1] != 0x00 {
		return ErrLogin
	}
	return nil
}

// readVersion reads one byte into b and compares it.
func readVersion(r io.Reader, b []byte, want byte) error {
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if b[0] != want {
		return &VersionError{b[0], want}
	}
	return nil
}
