//go:build linux

package realtest_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// loopback keeps the UDP datagrams over IPv4 that pass the loopback interface.
type loopback struct {
	more chan struct{} // gets a value when seen has grown; has room for one
	mu   sync.Mutex
	seen []datagram
}

type datagram struct {
	from, to uint16 // ports
	payload  []byte
}

// capture listens until the test ends.
func capture(t *testing.T) *loopback {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "to look at the loopback interface takes root")
	}
	protocol := binary.NativeEndian.Uint16([]byte{unix.ETH_P_IP >> 8, unix.ETH_P_IP & 0xff})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(fd), "loopback")
	// Only UDP, and room for what other tests send meanwhile.
	udp := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_UDP, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		{Code: unix.BPF_RET | unix.BPF_K},
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(udp)), Filter: &udp[0]}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: lo.Index}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := &loopback{more: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() { // ends when the socket is closed
		defer close(ended)
		c.read(socket)
	}()
	t.Cleanup(func() {
		socket.Close()
		<-ended
	})
	return c
}

func (c *loopback) read(socket *os.File) {
	buf := make([]byte, 1<<16)
	for {
		n, err := socket.Read(buf)
		if err != nil {
			return
		}
		if d, ok := parse(buf[:n]); ok {
			c.keep(d)
		}
	}
}

func (c *loopback) keep(d datagram) {
	c.mu.Lock()
	c.seen = append(c.seen, d)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// parse reads an IPv4 packet with UDP in it.
func parse(b []byte) (d datagram, ok bool) {
	if len(b) < 20 {
		return d, false
	}
	header := int(b[0]&15) * 4
	if len(b) < header+8 {
		return d, false
	}
	b = b[header:]
	return datagram{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), bytes.Clone(b[8:])}, true
}

// ways returns the pairs of ports, the lower first, between which a datagram
// with text went. All that was sent before the call is in it.
func (c *loopback) ways(t *testing.T, text string) map[[2]uint16]bool {
	t.Helper()
	c.flush(t)
	found := make(map[[2]uint16]bool)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.seen {
		if bytes.Contains(d.payload, []byte(text)) {
			found[[2]uint16{min(d.from, d.to), max(d.from, d.to)}] = true
		}
	}
	return found
}

// flush sends a datagram and waits until it was captured.
func (c *loopback) flush(t *testing.T) {
	t.Helper()
	last := []byte(t.Name() + " has sent all")
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	if _, err := sink.WriteTo(last, sink.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	limit := time.After(startLimit)
	for !c.has(last) {
		select {
		case <-c.more:
		case <-limit:
			t.Fatal("the capture has stopped")
		}
	}
}

func (c *loopback) has(payload []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.seen {
		if bytes.Equal(d.payload, payload) {
			return true
		}
	}
	return false
}
