package errno_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/errno"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What real sockets say has the portable names on each system.
func TestRealErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want []syscall.Errno
	}{
		{"refused", refused(t), []syscall.Errno{syscall.ECONNREFUSED}},
		{"taken", taken(t), []syscall.Errno{syscall.EADDRINUSE}},
		{"not here", elsewhere(), []syscall.Errno{syscall.EADDRNOTAVAIL}},
		{"too long", tooLong(t), []syscall.Errno{syscall.EMSGSIZE}},
		{"reset", reset(t), []syscall.Errno{syscall.ECONNRESET, syscall.ECONNABORTED}},
	} {
		if !errno.Is(fmt.Errorf("tried: %w", tt.err), tt.want...) {
			t.Errorf("%s: got %v (%#v), want one of %v", tt.name, tt.err, code(tt.err), tt.want)
		}
		if errno.Is(tt.err, syscall.EMFILE, syscall.ENOMEM) {
			t.Errorf("%s: got %v taken for a shortage", tt.name, tt.err)
		}
	}
	if errno.Is(nil, syscall.ECONNREFUSED) || errno.Is(errors.New("other"), syscall.ECONNREFUSED) || errno.Is(syscall.ECONNREFUSED) {
		t.Error("got true for what is no error of the system, or for no code")
	}
}

// code returns the number in err.
func code(err error) (number syscall.Errno) {
	errors.As(err, &number)
	return number
}

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// refused connects to a port on which a socket is that does not listen.
func refused(t *testing.T) error {
	t.Helper()
	bound, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	conn, err := net.Dial("tcp4", bound.LocalAddr().String())
	if err == nil {
		conn.Close() // of TCP another has the port
		return syscall.ECONNREFUSED
	}
	return err
}

func taken(t *testing.T) error {
	t.Helper()
	l, err := net.Listen("tcp4", listen(t).Addr().String())
	if err == nil {
		l.Close()
	}
	return err
}

// elsewhere listens on an address that is for documents only (RFC 5737).
func elsewhere() error {
	l, err := net.Listen("tcp4", "192.0.2.1:0")
	if err == nil {
		l.Close()
	}
	return err
}

func tooLong(t *testing.T) error {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	_, err = pc.WriteTo(make([]byte, 65508), pc.LocalAddr())
	return err
}

// reset reads from a connection that the other side has thrown away.
func reset(t *testing.T) error {
	t.Helper()
	l := listen(t)
	conn, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.SetLinger(0), other.Close()); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// An error that net returns is one of the system's in more wrappings.
func TestWrapped(t *testing.T) {
	err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if !errno.Is(errors.Join(errors.New("first"), err), syscall.EPIPE, syscall.ECONNREFUSED) {
		t.Errorf("%v is not ECONNREFUSED", err)
	}
}
