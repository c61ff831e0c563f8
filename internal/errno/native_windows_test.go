package errno_test

import (
	"net"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/socksctl/socksctl/internal/errno"
)

// The codes of Winsock have portable names, each one and no other.
func TestWinsock(t *testing.T) {
	codes := map[syscall.Errno]syscall.Errno{
		windows.WSAEADDRINUSE: syscall.EADDRINUSE, windows.WSAEADDRNOTAVAIL: syscall.EADDRNOTAVAIL,
		windows.WSAEAFNOSUPPORT: syscall.EAFNOSUPPORT, windows.WSAECONNABORTED: syscall.ECONNABORTED,
		windows.WSAECONNREFUSED: syscall.ECONNREFUSED, windows.WSAECONNRESET: syscall.ECONNRESET,
		windows.WSAEHOSTUNREACH: syscall.EHOSTUNREACH, windows.WSAEMFILE: syscall.EMFILE,
		windows.WSAEMSGSIZE: syscall.EMSGSIZE, windows.WSAENOBUFS: syscall.ENOBUFS,
		windows.ERROR_NOT_ENOUGH_MEMORY: syscall.ENOMEM, windows.WSAESHUTDOWN: syscall.EPIPE, windows.WSAETIMEDOUT: syscall.ETIMEDOUT,
	}
	for own, name := range codes {
		err := &net.OpError{Op: "read", Err: os.NewSyscallError("wsarecv", own)}
		for _, other := range codes {
			if got := errno.Is(err, other); got != (other == name) {
				t.Errorf("%v: got %v for %v", own, got, other)
			}
		}
	}
}
