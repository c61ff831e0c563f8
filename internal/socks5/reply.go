package socks5

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
)

// Reply is the REP byte of a reply (RFC 1928, section 6). Like syscall.Errno it
// is an error itself, and errors.Is compares it with the errors of the system:
// a [ConnectionRefused] is syscall.ECONNREFUSED.
type Reply byte

// The replies of RFC 1928, section 6.
const (
	Succeeded               Reply = 0x00
	GeneralFailure          Reply = 0x01
	NotAllowed              Reply = 0x02
	NetworkUnreachable      Reply = 0x03
	HostUnreachable         Reply = 0x04
	ConnectionRefused       Reply = 0x05
	TTLExpired              Reply = 0x06
	CommandNotSupported     Reply = 0x07
	AddressTypeNotSupported Reply = 0x08
)

// Error returns the meaning of r in words, and its number when it has none.
func (r Reply) Error() string {
	switch r {
	case Succeeded:
		return "succeeded"
	case GeneralFailure:
		return "general SOCKS server failure"
	case NotAllowed:
		return "not allowed by the rules"
	case NetworkUnreachable:
		return "network unreachable"
	case HostUnreachable:
		return "host unreachable"
	case ConnectionRefused:
		return "connection refused"
	case TTLExpired:
		return "timed out"
	case CommandNotSupported:
		return "command not supported"
	case AddressTypeNotSupported:
		return "address type not supported"
	}
	return "unassigned reply 0x" + strconv.FormatUint(uint64(r), 16)
}

// Is tells whether target is the system's error for r: 02 is fs.ErrPermission
// and EACCES, 03 ENETUNREACH, 04 EHOSTUNREACH, 05 ECONNREFUSED, 06 ETIMEDOUT and
// os.ErrDeadlineExceeded, 07 errors.ErrUnsupported, 08 EAFNOSUPPORT.
func (r Reply) Is(target error) bool {
	switch {
	case r == NotAllowed && target == fs.ErrPermission,
		r == TTLExpired && target == os.ErrDeadlineExceeded,
		r == CommandNotSupported && target == errors.ErrUnsupported:
		return true
	}
	errno, ok := target.(syscall.Errno)
	return ok && r != GeneralFailure && replyForErrno(errno) == r
}

// Timeout tells whether r is [TTLExpired], as net.Error asks.
func (r Reply) Timeout() bool { return r == TTLExpired }

// ReplyFor returns the reply that tells a client of err: [Succeeded] for nil,
// the Reply that err wraps where it wraps one, the matching code for an error
// of the system or of a name look-up, and [GeneralFailure] for the rest.
func ReplyFor(err error) Reply {
	var (
		reply  Reply
		errno  syscall.Errno
		dns    *net.DNSError
		neterr net.Error
	)
	switch {
	case err == nil:
		return Succeeded
	case errors.As(err, &reply):
		return reply
	case errors.As(err, &dns):
		return HostUnreachable
	case errors.As(err, &errno) && replyForErrno(errno) != GeneralFailure:
		return replyForErrno(errno)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &neterr) && neterr.Timeout():
		return TTLExpired
	case errors.Is(err, fs.ErrPermission):
		return NotAllowed
	case errors.Is(err, errors.ErrUnsupported):
		return CommandNotSupported
	}
	return GeneralFailure
}
