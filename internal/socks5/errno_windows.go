package socks5

import "syscall"

// The codes of Winsock, which the net package returns as they are.
const (
	wsaEACCES        syscall.Errno = 10013
	wsaEAFNOSUPPORT  syscall.Errno = 10047
	wsaEADDRNOTAVAIL syscall.Errno = 10049
	wsaENETDOWN      syscall.Errno = 10050
	wsaENETUNREACH   syscall.Errno = 10051
	wsaECONNRESET    syscall.Errno = 10054
	wsaETIMEDOUT     syscall.Errno = 10060
	wsaECONNREFUSED  syscall.Errno = 10061
	wsaEHOSTDOWN     syscall.Errno = 10064
	wsaEHOSTUNREACH  syscall.Errno = 10065
)

// replyForErrno maps what connect and bind say, under the names of Winsock and
// under the portable ones that package syscall makes up.
func replyForErrno(errno syscall.Errno) Reply {
	switch errno {
	case wsaEACCES, syscall.EACCES, syscall.EPERM:
		return NotAllowed
	case wsaENETUNREACH, wsaENETDOWN, syscall.ENETUNREACH, syscall.ENETDOWN:
		return NetworkUnreachable
	case wsaEHOSTUNREACH, wsaEHOSTDOWN, syscall.EHOSTUNREACH, syscall.EHOSTDOWN:
		return HostUnreachable
	case wsaECONNREFUSED, wsaECONNRESET, wsaEADDRNOTAVAIL,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EADDRNOTAVAIL:
		return ConnectionRefused
	case wsaETIMEDOUT, syscall.ETIMEDOUT:
		return TTLExpired
	case wsaEAFNOSUPPORT, syscall.EAFNOSUPPORT:
		return AddressTypeNotSupported
	}
	return GeneralFailure
}
