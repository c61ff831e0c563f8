//go:build unix

package socks5

import "syscall"

// replyForErrno maps what connect(2) and bind(2) say. A port of 0 and a missing
// source address are refusals of this host, not of the network.
func replyForErrno(errno syscall.Errno) Reply {
	switch errno {
	case syscall.EPERM, syscall.EACCES:
		return NotAllowed
	case syscall.ENETUNREACH, syscall.ENETDOWN:
		return NetworkUnreachable
	case syscall.EHOSTUNREACH, syscall.EHOSTDOWN:
		return HostUnreachable
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EADDRNOTAVAIL:
		return ConnectionRefused
	case syscall.ETIMEDOUT:
		return TTLExpired
	case syscall.EAFNOSUPPORT:
		return AddressTypeNotSupported
	}
	return GeneralFailure
}
