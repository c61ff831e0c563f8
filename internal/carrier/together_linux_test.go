package carrier_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// equal returns n datagrams of a length to a socket.
func equal(t *testing.T, to carrier.Conn, n, size int) []carrier.Datagram {
	t.Helper()
	all := make([]carrier.Datagram, n)
	for i := range all {
		all[i] = carrier.Datagram{Addr: socks5.AddrFrom(addrPort(to)), Data: []byte(filled(size + i)[i:])}
	}
	return all
}

// TestUDPRunsTravelAsOne has the system say how many messages a batch was.
func TestUDPRunsTravelAsOne(t *testing.T) {
	for _, c := range []struct {
		name     string
		apart    bool
		messages int
	}{{"together", false, 1}, {"apart", true, 10}} {
		t.Run(c.name, func(t *testing.T) {
			from := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), nil, func(portable) {})
			into := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), nil, func(portable) {})
			if c.apart {
				if err := from.Apart(); err != nil {
					t.Fatal(err)
				}
			}
			write(t, from, equal(t, into, 10, 1200)...)
			in := make([]carrier.Datagram, 32)
			n, err := into.ReadBatch(in)
			if err != nil || n != 10 {
				t.Fatalf("got %d datagrams, %v, want 10", n, err)
			}
			if got := into.Messages(); got != c.messages {
				t.Errorf("got %d messages, want %d", got, c.messages)
			}
		})
	}
}

// TestUDPGoesOneByOneWhereTheSystemCutsNothing has the system refuse to cut up:
// it would have to make checksums, which the socket does without.
func TestUDPGoesOneByOneWhereTheSystemCutsNothing(t *testing.T) {
	var d drops
	pc := listenUDP(t, "udp4", "127.0.0.1:0")
	raw, err := pc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	from := newSocket(t, pc, &d, func(portable) {})
	into := newSocket(t, listenUDP(t, "udp4", "127.0.0.1:0"), &d, func(portable) {})
	for _, size := range []int{1200, 500, 1400} {
		batch := equal(t, into, 10, size)
		write(t, from, batch...)
		got := read(t, into, len(batch))
		for i := range batch {
			if got[i].data != string(batch[i].Data) {
				t.Errorf("size %d, datagram %d: got %d bytes, not those that were sent", size, i, len(got[i].data))
			}
		}
	}
	if got := from.Longest(); got >= 500 {
		t.Errorf("still tries %d bytes together", got)
	}
	d.want(t, nil)
}
