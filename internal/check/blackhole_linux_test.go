package check_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/check"
	"github.com/socksctl/socksctl/server"
)

// blackhole is an address that does not answer, as behind a firewall: a listener
// that nobody accepts from, with its queue full, for which the system drops what
// comes.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 10 {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue does not fill")
	return ""
}

// systemProblems are those that take a Linux to provoke.
func systemProblems() []problem {
	return []problem{
		{"port blocked", func(t *testing.T, _ *world) check.Config { return quick(plain(blackhole(t))) },
			check.StepTCP, client.CausePortSilent, []string{"nothing answers", "a firewall here, there or between drops what goes to that port"}},
		{"target blocked", func(t *testing.T, _ *world) check.Config {
			c := plain(serve(t, &server.Server{Limits: server.Limits{Connect: patience}}))
			c.Target = blackhole(t)
			return c
		}, check.StepConnect, client.CauseTargetSilent, []string{"timed out (REP 06)", "the target does not answer it"}},
		{"no route", func(*testing.T, *world) check.Config { return plain("255.255.255.255:1080") }, // no TCP goes there
			check.StepTCP, client.CauseNoRoute, []string{"unreachable", "is this host online"}},
	}
}
