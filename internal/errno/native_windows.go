package errno

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// native returns what Winsock, or the kernel under it, says for code.
func native(code syscall.Errno) []syscall.Errno {
	switch code {
	case syscall.EADDRINUSE:
		return []syscall.Errno{windows.WSAEADDRINUSE}
	case syscall.EADDRNOTAVAIL:
		return []syscall.Errno{windows.WSAEADDRNOTAVAIL}
	case syscall.EAFNOSUPPORT:
		return []syscall.Errno{windows.WSAEAFNOSUPPORT}
	case syscall.ECONNABORTED:
		return []syscall.Errno{windows.WSAECONNABORTED, windows.ERROR_CONNECTION_ABORTED}
	case syscall.ECONNREFUSED:
		return []syscall.Errno{windows.WSAECONNREFUSED, windows.ERROR_CONNECTION_REFUSED}
	case syscall.ECONNRESET:
		return []syscall.Errno{windows.WSAECONNRESET, windows.WSAENETRESET, windows.ERROR_NETNAME_DELETED}
	case syscall.EHOSTUNREACH:
		return []syscall.Errno{windows.WSAEHOSTUNREACH, windows.WSAEHOSTDOWN}
	case syscall.EMFILE:
		return []syscall.Errno{windows.WSAEMFILE, windows.ERROR_TOO_MANY_OPEN_FILES}
	case syscall.EMSGSIZE:
		return []syscall.Errno{windows.WSAEMSGSIZE, windows.ERROR_MORE_DATA}
	case syscall.ENOBUFS:
		return []syscall.Errno{windows.WSAENOBUFS}
	case syscall.ENOMEM:
		return []syscall.Errno{windows.ERROR_NOT_ENOUGH_MEMORY}
	case syscall.EPIPE:
		return []syscall.Errno{windows.WSAESHUTDOWN, windows.ERROR_BROKEN_PIPE}
	case syscall.ETIMEDOUT:
		return []syscall.Errno{windows.WSAETIMEDOUT}
	}
	return nil
}
