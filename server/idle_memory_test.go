package server_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// An idle tunnel of mutual TLS that has carried a byte each way holds no buffer,
// no certificate of its own, and goroutines with small stacks. The measure is of
// this process, and so has the sockets of the far ends.
func TestIdleTLSTunnelHoldsLittle(t *testing.T) {
	const tunnels, most = 200, 22 << 10
	k := newKeys(t)
	h := start(t, &server.Server{TLS: k.config(t, certs.ClientAuthRequire)})
	addr, conns := origin(t)
	open := func() {
		c := k.dial(t, h.dial(t), true)
		ask(t, c, 1, addr, socks5.Succeeded)
		h.admitted(t)
		echo(t, c, next(t, "connection", conns))
	}
	open() // what there is once
	before := resident()
	for range tunnels {
		open()
	}
	if got := (resident() - before) / tunnels; got > most {
		t.Errorf("an idle tunnel holds %d bytes of heap and stacks, want %d at most", got, most)
	}
}

// echo has a byte go from a to b and back.
func echo(t *testing.T, a, b net.Conn) {
	t.Helper()
	one := []byte{1}
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		send(t, way[0], one...)
		if _, err := io.ReadFull(way[1], one); err != nil {
			t.Fatal(err)
		}
	}
}

// resident returns the bytes of the heap that are in use, and of all stacks.
func resident() int {
	for range 2 { // a pool is emptied by the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
