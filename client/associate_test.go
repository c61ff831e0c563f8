package client_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

const (
	askTun  = "\x05\xf3\x00\x01\x00\x00\x00\x00\x00\x00"
	askFwd  = "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"
	askUDP  = "\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"
	unknown = "\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"
)

// roundTrip sends a datagram to addr and wants it back from there.
func roundTrip(t *testing.T, pc net.PacketConn, addr net.Addr) {
	t.Helper()
	if _, err := pc.WriteTo([]byte("ping"), addr); err != nil {
		t.Fatal(err)
	}
	pc.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 100)
	n, from, err := pc.ReadFrom(buf)
	if string(buf[:n]) != "ping" || err != nil || from.String() != addr.String() {
		t.Fatalf("got %q from %v, %v, want ping from %v", buf[:n], from, err, addr)
	}
}

func TestUDPInTLS(t *testing.T) {
	n := newNetwork(t)
	tests := map[string]struct {
		own   bool
		refer []string // first answers, each on a connection of its own
		asks  []string
	}{
		"ours":     {true, []string{replyOK}, []string{askTun}},
		"gost":     {false, []string{replyOK}, []string{askTun}},
		"hev":      {false, []string{unknown, replyOK}, []string{askTun, askFwd}},
		"hangs up": {false, []string{"", replyOK}, []string{askTun, askFwd}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := n.serverConfig()
			if test.own {
				config = ours(config)
			}
			last := len(test.asks) - 1
			var conns atomic.Int32
			at := serve(t, config, func(t *testing.T, i int, c *recorder) {
				conns.Add(1)
				i = min(i, last) // what worked is remembered
				expect(t, c, greetNone)
				io.WriteString(c, takeNone)
				expect(t, c, test.asks[i])
				io.WriteString(c, test.refer[i])
				if test.refer[i] == replyOK {
					io.Copy(c, c)
				}
			})
			d := &client.Dialer{Address: at, TLS: n.clientConfig()}
			for range 2 {
				pc, err := d.ListenPacket(testContext(t), "udp", "")
				if err != nil {
					t.Fatal(err)
				}
				roundTrip(t, pc, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9).To4(), Port: 9})
				roundTrip(t, pc, client.Addr("example.org:53"))
				if err := pc.Close(); err != nil {
					t.Error(err)
				}
			}
			if got := int(conns.Load()); got != last+2 {
				t.Errorf("got %d connections, want %d", got, last+2)
			}
		})
	}
}

// To a proxy with TLS that has no way for datagrams in it nothing is sent.
func TestUDPInTLSIsNotToBeHad(t *testing.T) {
	n := newNetwork(t)
	var asked [3]atomic.Bool
	at := serve(t, n.serverConfig(), func(t *testing.T, i int, c *recorder) {
		asked[i].Store(true)
		steps(greetNone, takeNone, []string{askTun, askFwd}[i], unknown)(t, i, c)
	})
	_, err := (&client.Dialer{Address: at, TLS: n.clientConfig()}).ListenPacket(testContext(t), "udp", "")
	if !errors.Is(err, client.ErrUDPNotEncrypted) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want ErrUDPNotEncrypted", err)
	}
	if got := socks5.ReplyFor(err); got != socks5.NotAllowed {
		t.Errorf("got reply %d, want 2", got)
	}
	if !asked[0].Load() || !asked[1].Load() || asked[2].Load() {
		t.Error("the proxy was not asked exactly twice")
	}
}

func TestUDPOff(t *testing.T) {
	_, err := (&client.Dialer{Address: "127.0.0.1:1", UDP: client.UDPOff}).ListenPacket(t.Context(), "udp", "")
	if !errors.Is(err, client.ErrUDPOff) || socks5.ReplyFor(err) != socks5.CommandNotSupported {
		t.Errorf("got %v, want ErrUDPOff", err)
	}
}

// An empty datagram is dropped and counted where a server would lose step.
func TestUDPInTLSEmptyToForeignServer(t *testing.T) {
	n := newNetwork(t)
	at := serve(t, n.serverConfig(), steps(greetNone, takeNone, askTun, replyOK))
	pc, err := (&client.Dialer{Address: at, TLS: n.clientConfig()}).ListenPacket(testContext(t), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	var empty atomic.Int32
	pc.(interface{ SetDropFunc(carrier.DropFunc) }).SetDropFunc(func(d carrier.Drop) {
		if d == carrier.DropEmpty {
			empty.Add(1)
		}
	})
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9).To4(), Port: 9}
	if _, err := pc.WriteTo(nil, to); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, pc, to)
	if got := empty.Load(); got != 1 {
		t.Errorf("got %d empty datagrams counted, want 1", got)
	}
}

// relayProxy is a plain proxy with a relay that sends every datagram back. It
// hangs up when hangUp is closed.
func relayProxy(t *testing.T, hangUp <-chan struct{}) string {
	relay, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := relay.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			relay.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	return serve(t, nil, func(t *testing.T, _ int, c *recorder) {
		expect(t, c, greetNone)
		io.WriteString(c, takeNone)
		expect(t, c, askUDP)
		port := relay.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		c.Write(socks5.AppendReply(nil, socks5.Succeeded, socks5.Addr{Port: port}))
		if hangUp == nil {
			io.Copy(io.Discard, c)
			return
		}
		<-hangUp
	})
}

func TestUDPToPlainProxy(t *testing.T) {
	for name, mode := range map[string]client.UDPMode{"default": client.UDPTLS, "plain": client.UDPPlain} {
		t.Run(name, func(t *testing.T) {
			pc, err := (&client.Dialer{Address: relayProxy(t, nil), UDP: mode}).ListenPacket(testContext(t), "udp", "")
			if err != nil {
				t.Fatal(err)
			}
			defer pc.Close()
			roundTrip(t, pc, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9).To4(), Port: 9})
			roundTrip(t, pc, client.Addr("example.org:53"))
			if _, err := pc.WriteTo([]byte("x"), client.Addr("nonsense")); err == nil {
				t.Error("got no error for an address without a port")
			}
		})
	}
}

func TestUDPEndsWithItsConnection(t *testing.T) {
	hangUp := make(chan struct{})
	pc, err := (&client.Dialer{Address: relayProxy(t, hangUp)}).ListenPacket(testContext(t), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	read := make(chan error)
	go func() {
		_, _, err := pc.ReadFrom(make([]byte, 10))
		read <- err
	}()
	close(hangUp)
	if err := <-read; !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want io.EOF of the proxy", err)
	} else {
		wantProxyError(t, err, "udp")
	}
}

func TestUDPCloseAndDeadlines(t *testing.T) {
	pc, err := (&client.Dialer{Address: relayProxy(t, nil)}).ListenPacket(testContext(t), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	start := func() {
		go func() {
			_, _, err := pc.ReadFrom(make([]byte, 10))
			read <- err
		}()
	}
	start()
	pc.SetDeadline(time.Now().Add(-time.Second)) // moves the deadline of a read that waits
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: got %v, want os.ErrDeadlineExceeded", err)
	}
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9).To4(), Port: 9}
	if _, err := pc.WriteTo([]byte("x"), to); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: got %v, want os.ErrDeadlineExceeded", err)
	}
	pc.SetDeadline(time.Time{})
	roundTrip(t, pc, to)
	pc.SetDeadline(time.Time{})
	start()
	if err := pc.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	if err := pc.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: got %v, want net.ErrClosed", err)
	}
}

func TestUDPRelayThatIsNone(t *testing.T) {
	for _, reply := range []string{"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00", "\x05\x00\x00\x01\xe0\x00\x00\x01\x00\x09"} {
		d := &client.Dialer{Address: serve(t, nil, steps(greetNone, takeNone, askUDP, reply))}
		_, err := d.ListenPacket(testContext(t), "udp", "")
		wantProxyError(t, err, "udp")
	}
}
