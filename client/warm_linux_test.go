package client_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/client"
)

// userTimeout returns TCP_USER_TIMEOUT of a socket, in milliseconds.
func userTimeout(t *testing.T, c net.Conn) (ms int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil {
			t.Error(err)
		}
	})
	return ms
}

// A proxy that has vanished is given up soon when it does not acknowledge the
// request, and has its time once it has answered.
func TestWarmRequestTLSIsGivenUpSoon(t *testing.T) {
	n := newNetwork(t)
	asked := make(chan chan struct{}, 1)
	at := serve(t, ours(n.serverConfig()), func(t *testing.T, i int, c *recorder) {
		for _, step := range [][2]string{{greetBoth, takeLogin}, {login, loginOK}, {askName, ""}} {
			if _, err := io.ReadFull(c, make([]byte, len(step[0]))); err != nil {
				return // not needed
			}
			io.WriteString(c, step[1])
		}
		answer := make(chan struct{})
		asked <- answer
		<-answer
		io.WriteString(c, replyOK)
		io.Copy(io.Discard, c)
	})
	var socket net.Conn // of the last handshake
	var first sync.Once
	d := &client.Dialer{Address: at, TLS: n.clientConfig(), User: "alice", Password: "secret"}
	d.Forward = plainDialer(func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		first.Do(func() { socket = c })
		return c, err
	})
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- d.KeepWarm(ctx, client.Warm{}) }()
	defer func() {
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
	}()
	for d.Warm() == 0 { // until KeepWarm has begun
		first = sync.Once{}
		if err := d.Handshake(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan net.Conn)
	go func() { // ends when the proxy has answered
		c, err := d.DialContext(testContext(t), "tcp", "example.org:80")
		if err != nil {
			t.Error(err)
		}
		done <- c
	}()
	answer := <-asked
	if got := userTimeout(t, socket); got != 3000 {
		t.Errorf("before the reply: %d ms, want 3000", got)
	}
	close(answer)
	if c := <-done; c != nil {
		defer c.Close()
	}
	if got := userTimeout(t, socket); got != 60000 {
		t.Errorf("after the reply: %d ms, want 60000", got)
	}
}
