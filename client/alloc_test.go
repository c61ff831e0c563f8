//go:build !race && !windows

// Under the race detector sync.Pool drops at random, so that allocations say
// nothing there. On Windows package net allocates for each datagram.

package client_test

import (
	"net"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// A datagram written and read again costs no memory, once the first is done.
func TestUDPDoesNotAllocate(t *testing.T) {
	pc, err := (&client.Dialer{Address: relayProxy(t, nil)}).ListenPacket(testContext(t), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	var to net.Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9).To4(), Port: 9}
	payload, buf := []byte("ping"), make([]byte, 100)
	got := testing.AllocsPerRun(200, func() {
		pc.WriteTo(payload, to)
		pc.ReadFrom(buf)
	})
	if got >= 1 {
		t.Errorf("got %v allocations a datagram there and back, want none", got)
	}
}
