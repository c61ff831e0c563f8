package server_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// An idle tunnel that has carried a byte each way holds no buffer, no certificate of
// its own, and no goroutine where it can be at rest without. The measure is of this
// process, and so has the sockets of the far ends.
func TestIdleTunnelHoldsLittle(t *testing.T) {
	k := newKeys(t)
	for name, c := range map[string]struct {
		config              *tls.Config
		most, mostElsewhere int
	}{
		"plain":      {nil, 9 << 10, 14 << 10},
		"mutual TLS": {k.config(t, certs.ClientAuthRequire), 16 << 10, 22 << 10},
	} {
		most := c.most
		if runtime.GOOS != "linux" {
			most = c.mostElsewhere
		}
		h := start(t, &server.Server{TLS: c.config})
		addr, conns := origin(t)
		open := func() {
			var app net.Conn = h.dial(t)
			if c.config != nil {
				app = k.dial(t, app.(*net.TCPConn), true)
			}
			ask(t, app, 1, addr, socks5.Succeeded)
			h.admitted(t)
			echo(t, app, next(t, "connection", conns))
		}
		open() // what there is once
		const tunnels = 200
		before := resident()
		for range tunnels {
			open()
		}
		var got int
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if got = (resident() - before) / tunnels; got <= most {
				break
			}
		}
		if got > most {
			t.Errorf("%s: an idle tunnel holds %d bytes of heap and stacks, want %d at most", name, got, most)
		}
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
