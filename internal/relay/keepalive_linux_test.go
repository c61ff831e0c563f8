package relay_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/relay"
)

// options reads the keepalive options of a TCP socket back.
func options(t *testing.T, c *net.TCPConn) (got [5]int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		for i, option := range [][2]int{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
			{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT},
		} {
			if got[i], err = unix.GetsockoptInt(int(fd), option[0], option[1]); err != nil {
				t.Error(err)
			}
		}
	})
	return got
}

func TestTLSKeepAliveValues(t *testing.T) {
	_, near := tcpPair(t)
	for _, c := range []struct {
		config relay.KeepAliveConfig
		want   [5]int
	}{
		{relay.KeepAliveConfig{}, [5]int{1, 30, 10, 3, 60_000}},
		{relay.KeepAliveConfig{Idle: 2 * time.Second, Interval: time.Second, Count: 1, Unacked: 1500 * time.Millisecond}, [5]int{1, 2, 1, 1, 1500}},
	} {
		for _, conn := range []net.Conn{near, addressed{near}, tls.Server(relay.NewRaw(near), serverConfig())} {
			if err := relay.KeepAlive(conn, c.config); err != nil {
				t.Errorf("%T: %v", conn, err)
			}
			if got := options(t, near.(*net.TCPConn)); got != c.want {
				t.Errorf("%T: got %v, want %v", conn, got, c.want)
			}
		}
	}
}

func TestKeepAliveNeedsATCPSocket(t *testing.T) {
	_, near := unixPair(t)
	if err := relay.KeepAlive(near, relay.KeepAliveConfig{}); !errors.Is(err, relay.ErrNoSocket) {
		t.Errorf("got %v, want %v", err, relay.ErrNoSocket)
	}
}

func TestHasKeepAlive(t *testing.T) {
	_, near := tcpPair(t)
	config := relay.KeepAliveConfig{Idle: 20 * time.Second, Unacked: 1500 * time.Millisecond}
	if relay.HasKeepAlive(near, config) {
		t.Error("got true for a conn as package net makes it")
	}
	if err := relay.KeepAlive(near, config); err != nil {
		t.Fatal(err)
	}
	if !relay.HasKeepAlive(near, config) {
		t.Error("got false for a conn that it was set on")
	}
	if relay.HasKeepAlive(near, relay.KeepAliveConfig{}) {
		t.Error("got true for a conn that has other values")
	}
}
