package carrier_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// split reads all frames of wire, which arrives in parts of size bytes.
func split(t *testing.T, command socks5.Command, wire []byte, size int) (all []datagram, d *drops, end error) {
	t.Helper()
	conn, _ := net.Pipe()
	d = new(drops)
	s := carrier.NewStream(conn, &parts{wire, size}, command, d.count)
	defer s.Close()
	ds := make([]carrier.Datagram, 3)
	for {
		n, err := s.ReadBatch(ds)
		for _, d := range ds[:n] {
			all = append(all, datagram{d.Addr.String(), string(d.Data)})
		}
		if err != nil {
			return all, d, err
		}
	}
}

// parts is a reader that gives size bytes a call.
type parts struct {
	rest []byte
	size int
}

func (p *parts) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// FuzzFrames wants any bytes to give the same datagrams, drops and end however
// they are cut, and what is read to be written as it came.
func FuzzFrames(f *testing.F) {
	for _, g := range golden {
		f.Add(unhex(f, g.tun), false, byte(3))
		f.Add(unhex(f, g.fwd), true, byte(1))
	}
	f.Add(unhex(f, golden[0].tun+golden[2].tun+golden[1].tun+"0001 ff 02"), false, byte(0))
	f.Fuzz(func(t *testing.T, wire []byte, fwd bool, size byte) {
		command := socks5.UDPTun
		if fwd {
			command = socks5.FwdUDP
		}
		all, d, end := split(t, command, wire, 1<<20)
		again, d2, end2 := split(t, command, wire, int(size)+1)
		if len(all) != len(again) || end.Error() != end2.Error() || d[carrier.DropMalformed].Load() != d2[carrier.DropMalformed].Load() {
			t.Fatalf("whole: %d, %v; in parts: %d, %v", len(all), end, len(again), end2)
		}
		if !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) && !errors.Is(end, carrier.ErrFrame) {
			t.Fatalf("ended with %v", end)
		}
		var back bytes.Buffer
		for i, g := range all {
			if g != again[i] {
				t.Fatalf("datagram %d: whole %v, in parts %v", i, g, again[i])
			}
			back.Write(frameOf(t, command, g))
		}
		rewritten, _, _ := split(t, command, back.Bytes(), 1<<20)
		if len(rewritten) != len(all) {
			t.Fatalf("wrote %d datagrams, read %d", len(all), len(rewritten))
		}
		for i := range all {
			if all[i] != rewritten[i] {
				t.Fatalf("datagram %d: got %v, want %v", i, rewritten[i], all[i])
			}
		}
	})
}

// frameOf returns the frame that a Stream writes for g.
func frameOf(t *testing.T, command socks5.Command, g datagram) []byte {
	t.Helper()
	a, b := net.Pipe()
	s := carrier.NewStream(a, nil, command, nil)
	written := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(b)
		written <- all
	}()
	write(t, s, to(t, g.addr, g.data))
	s.Close()
	return <-written
}
