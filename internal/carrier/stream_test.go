package carrier_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// layouts are the commands that a Stream speaks.
var layouts = map[string]socks5.Command{"tun": socks5.UDPTun, "fwd": socks5.FwdUDP}

// pairs make the two ends of a connection, each kind in its own way.
var pairs = map[string]func(testing.TB) (net.Conn, net.Conn){"pipe": pipePair, "tcp": tcpPair, "TLS": tlsPair, "prompt": promptPair}

func pipePair(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }

func tcpPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func tlsPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	a, b := tcpPair(t)
	return encrypt(t, a, b)
}

// promptPair is TLS as server and client have it.
func promptPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	a, b := tcpPair(t)
	a, b = encrypt(t, relay.NewRaw(a), relay.NewRaw(b))
	return relay.Prompt(a), relay.Prompt(b)
}

func encrypt(t testing.TB, a, b net.Conn) (net.Conn, net.Conn) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"peer"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	client := tls.Client(a, &tls.Config{ServerName: "peer", RootCAs: roots})
	server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	shaken := make(chan error)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// streams runs f for each layout over each kind of connection.
func streams(t *testing.T, f func(t *testing.T, command socks5.Command, a, b net.Conn)) {
	for layout, command := range layouts {
		for kind, pair := range pairs {
			t.Run(layout+"/"+kind, func(t *testing.T) {
				a, b := pair(t)
				f(t, command, a, b)
			})
		}
	}
}

func newStream(t testing.TB, conn net.Conn, command socks5.Command, d *drops) *carrier.Stream {
	t.Helper()
	if d == nil {
		d = new(drops)
	}
	s := carrier.NewStream(conn, nil, command, d.count)
	t.Cleanup(func() { s.Close() })
	return s
}

// golden is the frames of both layouts, byte by byte.
var golden = []struct {
	datagram
	tun, fwd string
}{
	{datagram{"192.0.2.1:53", "hi"}, "0002 ff 01c0000201 0035 6869", "0002 0a 01c0000201 0035 6869"},
	{datagram{"192.0.2.1:53", ""}, "0000 ff 01c0000201 0035", "0000 0a 01c0000201 0035"},
	{datagram{"[2001:db8::1]:443", "\x00"}, "0001 ff 0420010db8000000000000000000000001 01bb 00", "0001 16 0420010db8000000000000000000000001 01bb 00"},
	{datagram{"example.com:65535", "abc"}, "0003 ff 030b6578616d706c652e636f6d ffff 616263", "0003 12 030b6578616d706c652e636f6d ffff 616263"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(strings.ReplaceAll(s, " ", ""), "%x", &b); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func TestUDPStreamGoldenFrames(t *testing.T) {
	for _, g := range golden {
		wantFrame(t, socks5.UDPTun, g.datagram, unhex(t, g.tun))
		wantFrame(t, socks5.FwdUDP, g.datagram, unhex(t, g.fwd))
	}
}

func TestUDPStreamRoundTrip(t *testing.T) {
	streams(t, func(t *testing.T, command socks5.Command, a, b net.Conn) {
		var d drops
		sa, sb := newStream(t, a, command, &d), newStream(t, b, command, &d)
		want := []datagram{
			{"192.0.2.1:53", ""}, {"example.com:53", "small"}, {"[2001:db8::1]:53", filled(65497)},
			{"192.0.2.1:54", filled(65507)}, {"192.0.2.1:55", filled(65535)}, {"192.0.2.1:56", "last"},
		}
		for _, way := range []struct{ from, to *carrier.Stream }{{sa, sb}, {sb, sa}} {
			for _, w := range want { // four of them are more than the queue holds at once
				write(t, way.from, to(t, w.addr, w.data))
				if diff := cmp.Diff([]datagram{w}, read(t, way.to, 1), cmp.AllowUnexported(datagram{})); diff != "" {
					t.Errorf("datagram (-want +got):\n%s", diff)
				}
			}
		}
		d.want(t, nil)
	})
}

// However the bytes are cut, the datagrams are the same.
func TestUDPStreamAnySegments(t *testing.T) {
	for layout, command := range layouts {
		var wire []byte
		var want []datagram
		for _, g := range golden {
			wire = append(wire, unhex(t, map[string]string{"tun": g.tun, "fwd": g.fwd}[layout])...)
			want = append(want, g.datagram)
		}
		for size := 1; size <= len(wire); size++ {
			a, b := net.Pipe()
			var d drops
			s := newStream(t, a, command, &d)
			go func() {
				for part := range chunks(wire, size) {
					b.Write(part)
				}
			}()
			if diff := cmp.Diff(want, read(t, s, len(want)), cmp.AllowUnexported(datagram{})); diff != "" {
				t.Fatalf("%s in parts of %d (-want +got):\n%s", layout, size, diff)
			}
		}
	}
}

func chunks(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// What was read with the request comes first, and several frames that came
// together are one batch.
func TestUDPStreamBufferedBytesAndBatch(t *testing.T) {
	wire := unhex(t, golden[0].tun+golden[1].tun+golden[3].tun)
	a, b := net.Pipe()
	defer b.Close()
	s := carrier.NewStream(a, io.MultiReader(bytes.NewReader(wire), a), socks5.UDPTun, nil)
	defer s.Close()
	ds := make([]carrier.Datagram, 8)
	n, err := s.ReadBatch(ds)
	if err != nil || n != 3 {
		t.Fatalf("ReadBatch: got %d, %v, want 3 datagrams", n, err)
	}
	go b.Write(wire)
	if got := read(t, s, 3); got[2] != golden[3].datagram {
		t.Errorf("got %v, want %v", got[2], golden[3].datagram)
	}
}

// A frame whose length can be read but whose address cannot is dropped alone.
func TestUDPStreamDropsBadAddress(t *testing.T) {
	for _, c := range []struct {
		command socks5.Command
		frame   string
	}{
		{socks5.UDPTun, "0001 ff 0300 0035 78"},                               // an empty name
		{socks5.UDPTun, "0001 ff 0303610062 0035 78"},                         // a NUL in it
		{socks5.FwdUDP, "0001 0a 02c0000201 0035 78"},                         // an unknown type
		{socks5.FwdUDP, "0001 0b 01c0000201 0035 00 78"},                      // a header longer than its address
		{socks5.FwdUDP, "0001 09 01c0000201 00 78"},                           // a shorter one
		{socks5.FwdUDP, "0001 0a 030b657861 6d70 78"},                         // a name past the header
		{socks5.FwdUDP, "0001 07 0300 0035 78"},                               // an empty name
		{socks5.FwdUDP, "0000 16 01c0000201 0035" + strings.Repeat("00", 12)}, // no data either
	} {
		good := map[socks5.Command]string{socks5.UDPTun: golden[0].tun, socks5.FwdUDP: golden[0].fwd}[c.command]
		var d drops
		wire := unhex(t, c.frame+good)
		conn, _ := net.Pipe()
		s := carrier.NewStream(conn, bytes.NewReader(wire), c.command, d.count)
		if got := read(t, s, 1); got[0] != golden[0].datagram {
			t.Errorf("after %s: got %v, want %v", c.frame, got[0], golden[0].datagram)
		}
		d.want(t, map[carrier.Drop]int64{carrier.DropMalformed: 1})
		s.Close()
	}
}

// A frame whose length cannot be told ends the carrier, and so does an end
// inside a frame; what came before is delivered.
func TestUDPStreamEnds(t *testing.T) {
	for _, c := range []struct {
		command socks5.Command
		wire    string
		want    error
	}{
		{socks5.UDPTun, "0001 00 01c0000201 0035 78", carrier.ErrFrame}, // X is not FF
		{socks5.UDPTun, "0001 ff 02c0000201 0035 78", carrier.ErrFrame}, // an unknown type has no length
		{socks5.FwdUDP, "0001 06 01c0000201 0035 78", carrier.ErrFrame}, // no address is as short as that
		{socks5.FwdUDP, "0001 00 01c0000201 0035 78", carrier.ErrFrame},
		{socks5.UDPTun, "", io.EOF},
		{socks5.UDPTun, "00", io.ErrUnexpectedEOF},
		{socks5.UDPTun, "0001 ff 01 c0", io.ErrUnexpectedEOF},
		{socks5.UDPTun, "0001 ff 01c0000201 0035", io.ErrUnexpectedEOF},
		{socks5.FwdUDP, "ffff ff 03", io.ErrUnexpectedEOF},
	} {
		good := map[socks5.Command]string{socks5.UDPTun: golden[0].tun, socks5.FwdUDP: golden[0].fwd}[c.command]
		conn, _ := net.Pipe()
		s := carrier.NewStream(conn, bytes.NewReader(unhex(t, good+c.wire)), c.command, nil)
		read(t, s, 1)
		for range 2 { // and it stays so
			if n, err := s.ReadBatch(make([]carrier.Datagram, 4)); n != 0 || !errors.Is(err, c.want) {
				t.Errorf("after %q: got %d, %v, want %v", c.wire, n, err, c.want)
				break
			}
		}
		s.Close()
	}
}

func TestUDPStreamDropsWhatDoesNotFit(t *testing.T) {
	longName := carrier.Datagram{Addr: socks5.Addr{Name: filled(256), Port: 1}}
	// 3 + 1 + 1 + 249 + 2 is one more than the X of FWD UDP can say.
	longHead := carrier.Datagram{Addr: socks5.Addr{Name: strings.Repeat("a.", 124) + "a", Port: 1}}
	for _, command := range layouts {
		var d drops
		a, b := net.Pipe()
		sa, sb := newStream(t, a, command, &d), newStream(t, b, command, &d)
		write(t, sa, to(t, "192.0.2.1:53", filled(65536)), longName, longHead, to(t, "192.0.2.1:53", "fits"))
		want := map[carrier.Drop]int64{carrier.DropTooLong: 3}
		if command == socks5.UDPTun {
			want[carrier.DropTooLong] = 2
			if got := read(t, sb, 1); got[0].addr != longHead.Addr.String() {
				t.Errorf("got %v, want the 249-byte name", got[0].addr)
			}
		}
		if got := read(t, sb, 1); got[0].data != "fits" {
			t.Errorf("got %q, want fits", got[0].data)
		}
		d.want(t, want)
	}
}

func TestUDPStreamDropEmpty(t *testing.T) {
	var d drops
	a, b := net.Pipe()
	s := carrier.NewStream(a, nil, socks5.UDPTun, d.count)
	s.DropEmpty = true
	defer s.Close()
	write(t, s, to(t, "192.0.2.1:53", "")) // nothing is left to write
	write(t, s, to(t, "192.0.2.1:53", ""), to(t, "192.0.2.1:53", "full"))
	if got := read(t, newStream(t, b, socks5.UDPTun, &d), 1); got[0].data != "full" {
		t.Errorf("got %q, want full", got[0].data)
	}
	d.want(t, map[carrier.Drop]int64{carrier.DropEmpty: 2})
}

// A peer that does not read costs datagrams, bounded memory and no reader: the
// other direction goes on.
func TestUDPStreamFullQueueDropsAndReads(t *testing.T) {
	streams(t, func(t *testing.T, command socks5.Command, a, b net.Conn) {
		var d drops
		s := newStream(t, a, command, &d)
		sent := int64(0)
		for d[carrier.DropFull].Load() == 0 {
			write(t, s, to(t, "192.0.2.1:53", filled(60000)))
			if sent++; sent > 10000 {
				t.Fatal("10,000 datagrams of 60,000 bytes are queued and none was dropped")
			}
		}
		peer := newStream(t, b, command, nil)
		write(t, peer, to(t, "192.0.2.1:53", "the other way"))
		if got := read(t, s, 1); got[0].data != "the other way" {
			t.Errorf("got %q, want the other way", got[0].data)
		}
		for _, got := range read(t, peer, int(sent-d[carrier.DropFull].Load())) {
			if got.data != filled(60000) {
				t.Fatalf("got %d bytes, want 60000, whole", len(got.data))
			}
		}
	})
}

func TestUDPStreamWriteTimeoutEnds(t *testing.T) {
	for kind, pair := range pairs {
		t.Run(kind, func(t *testing.T) {
			a, _ := pair(t)
			s := carrier.NewStream(a, nil, socks5.UDPTun, nil)
			s.WriteTimeout = 20 * time.Millisecond
			defer s.Close()
			ended := make(chan error)
			go func() {
				_, err := s.ReadBatch(make([]carrier.Datagram, 1))
				ended <- err
			}()
			for err := error(nil); err == nil; {
				err = s.WriteBatch([]carrier.Datagram{to(t, "192.0.2.1:53", filled(60000))})
			}
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ReadBatch: got %v, want the timeout of the write", err)
			}
		})
	}
}

func TestUDPStreamClose(t *testing.T) {
	streams(t, func(t *testing.T, command socks5.Command, a, b net.Conn) {
		go io.Copy(io.Discard, b) // takes the close_notify
		closes(t, carrier.NewStream(a, nil, command, nil))
	})
}

// What was queued when Close was called is written if the peer reads it, and
// Close does not wait long for one that does not.
func TestUDPStreamCloseFlushes(t *testing.T) {
	streams(t, func(t *testing.T, command socks5.Command, a, b net.Conn) {
		s := carrier.NewStream(a, nil, command, nil)
		peer := newStream(t, b, command, nil)
		write(t, s, to(t, "192.0.2.1:53", "last words"))
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		if got := read(t, peer, 1); got[0].data != "last words" {
			t.Errorf("got %q, want last words", got[0].data)
		}
		if _, err := peer.ReadBatch(make([]carrier.Datagram, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("then: got %v, want io.EOF", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: got %v", err)
		}
	})
}

// A read deadline loses nothing, wherever in a frame it strikes.
func TestUDPStreamReadDeadlineResumes(t *testing.T) {
	wire := unhex(t, golden[3].tun)
	for cut := range wire {
		a, b := net.Pipe()
		s := newStream(t, a, socks5.UDPTun, nil)
		wrote := make(chan error)
		go func() {
			_, err := b.Write(wire[:cut])
			a.SetReadDeadline(time.Unix(1, 0))
			wrote <- err
		}()
		if _, err := s.ReadBatch(make([]carrier.Datagram, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %d bytes: got %v, want a timeout", cut, err)
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		a.SetReadDeadline(time.Time{})
		go b.Write(wire[cut:])
		if got := read(t, s, 1); got[0] != golden[3].datagram {
			t.Errorf("after %d bytes: got %v, want %v", cut, got[0], golden[3].datagram)
		}
	}
}
