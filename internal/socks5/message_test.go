package socks5_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/socks5"
)

// message is a reader of one message, and what it makes of wire.
type message struct {
	name string
	wire string
	read func(io.Reader) (any, error)
	want any
}

func readLogin(r io.Reader) (any, error) {
	name, password, err := socks5.ReadLogin(r)
	return [2]string{name, password}, err
}

func any1[T any](read func(io.Reader) (T, error)) func(io.Reader) (any, error) {
	return func(r io.Reader) (any, error) { return read(r) }
}

func readLoginReply(r io.Reader) (any, error) { return nil, socks5.ReadLoginReply(r) }

var messages = []message{
	{"greeting", "\x05\x02\x00\x02", any1(socks5.ReadGreeting), []byte{0, 2}},
	{"greeting of nothing", "\x05\x00", any1(socks5.ReadGreeting), []byte{}},
	{"greeting of 255", "\x05\xff" + strings.Repeat("\x07", 255), any1(socks5.ReadGreeting), []byte(strings.Repeat("\x07", 255))},
	{"method", "\x05\x02", any1(socks5.ReadMethod), socks5.MethodPassword},
	{"login", "\x01\x01u\x02pw", readLogin, [2]string{"u", "pw"}},
	{"login of nothing", "\x01\x00\x00", readLogin, [2]string{}},
	{"longest login", "\x01\xff" + strings.Repeat("u", 255) + "\xff" + strings.Repeat("\x00", 255), readLogin,
		[2]string{strings.Repeat("u", 255), strings.Repeat("\x00", 255)}},
	{"login reply", "\x01\x00", readLoginReply, nil},
	{"login reply of another version", "\x05\x00", readLoginReply, nil},
	{"request", "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", any1(socks5.ReadRequest),
		socks5.Request{Command: socks5.Connect, Addr: socks5.Addr{IP: v4, Port: 80}}},
	{"request with RSV", "\x05\xf3\x07\x03\x01a\x00\x00", any1(socks5.ReadRequest),
		socks5.Request{Command: socks5.UDPTun, Addr: socks5.Addr{Name: "a"}}},
	{"request of an unknown command", "\x05\x99\x00\x03\x01a\x00\x01", any1(socks5.ReadRequest),
		socks5.Request{Command: 0x99, Addr: socks5.Addr{Name: "a", Port: 1}}},
	{"reply", "\x05\x00\x00\x01\xc0\x00\x02\x01\x00\x50", any1(socks5.ReadReply), socks5.Addr{IP: v4, Port: 80}},
}

// Each reader takes its message and not a byte more, in one piece or byte by
// byte, and tells where it was cut.
func TestReadersTakeExactlyTheirMessage(t *testing.T) {
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			for _, slow := range []bool{false, true} {
				rest := strings.NewReader(m.wire + "pipelined")
				var r io.Reader = rest
				if slow {
					r = iotest.OneByteReader(rest)
				}
				got, err := m.read(r)
				if err != nil {
					t.Fatalf("got %v", err)
				}
				if diff := cmp.Diff(m.want, got, equalIPs); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if rest.Len() != len("pipelined") {
					t.Errorf("left %d bytes, want %d", rest.Len(), len("pipelined"))
				}
			}
			for cut := 1; cut < len(m.wire); cut++ {
				if _, err := m.read(strings.NewReader(m.wire[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("after %d bytes: got %v, want io.ErrUnexpectedEOF", cut, err)
				}
			}
		})
	}
}

func TestReadersRefuseOtherVersions(t *testing.T) {
	for _, m := range messages {
		if strings.HasPrefix(m.name, "login reply") {
			continue // its version is not looked at
		}
		rest := strings.NewReader("G" + m.wire)
		if _, err := m.read(rest); !errors.Is(err, socks5.ErrVersion) {
			t.Errorf("%s: got %v, want ErrVersion", m.name, err)
		}
		if rest.Len() != len(m.wire) {
			t.Errorf("%s: read %d bytes, want 1", m.name, 1+len(m.wire)-rest.Len())
		}
	}
}

func TestReadRequestUnknownAddressType(t *testing.T) {
	req, err := socks5.ReadRequest(strings.NewReader("\x05\x01\x00\x09"))
	if !errors.Is(err, socks5.ErrAddressType) || req.Command != socks5.Connect {
		t.Errorf("got %v, %v, want the command and ErrAddressType without a fifth byte", req, err)
	}
}

// A refusal counts however little of it comes.
func TestReadReplyRefusals(t *testing.T) {
	whole := "\x05\x05\x00\x01\xc0\x00\x02\x01\x00\x50"
	for cut := 2; cut <= len(whole); cut++ {
		_, err := socks5.ReadReply(strings.NewReader(whole[:cut]))
		if !errors.Is(err, socks5.ConnectionRefused) {
			t.Errorf("after %d bytes: got %v, want ConnectionRefused", cut, err)
		}
	}
	if _, err := socks5.ReadReply(strings.NewReader("\x05\x00\x00\x09")); !errors.Is(err, socks5.ErrAddressType) {
		t.Errorf("success with an unknown type: got %v, want ErrAddressType", err)
	}
}

func TestLogin(t *testing.T) {
	if err := socks5.ReadLoginReply(strings.NewReader("\x01\x01")); !errors.Is(err, socks5.ErrLogin) {
		t.Errorf("status 01: got %v, want ErrLogin", err)
	}
	long := strings.Repeat("s", 256)
	for _, c := range [][2]string{{"", "secret"}, {long, "secret"}, {"user", ""}, {"user", long}} {
		b, err := socks5.AppendLogin(nil, c[0], c[1])
		if err == nil || len(b) != 0 || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), long) {
			t.Errorf("AppendLogin of %d and %d bytes: got %x, %v, want an error that names neither", len(c[0]), len(c[1]), b, err)
		}
	}
	b, err := socks5.AppendLogin(nil, "u", "pw")
	if err != nil || string(b) != "\x01\x01u\x02pw" {
		t.Errorf("got %x, %v", b, err)
	}
}

func TestAppendMessages(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"greeting", socks5.AppendGreeting(nil, 0, 2), "\x05\x02\x00\x02"},
		{"greeting of 256", socks5.AppendGreeting(nil, make([]byte, 256)...), "\x05\xff" + strings.Repeat("\x00", 255)},
		{"method", socks5.AppendMethod(nil, socks5.MethodRefused), "\x05\xff"},
		{"login taken", socks5.AppendLoginReply(nil, true), "\x01\x00"},
		{"login refused", socks5.AppendLoginReply(nil, false), "\x01\x01"},
		{"request", socks5.AppendRequest(nil, socks5.Request{Command: socks5.Bind, Addr: socks5.Addr{Name: "a", Port: 1}}), "\x05\x02\x00\x03\x01a\x00\x01"},
		{"reply", socks5.AppendReply(nil, socks5.HostUnreachable, socks5.Addr{}), "\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: got %x, want %x", c.name, c.got, c.want)
		}
	}
}

func TestCommand(t *testing.T) {
	for c, want := range map[socks5.Command]string{
		socks5.Connect: "connect", socks5.Bind: "bind", socks5.Associate: "udp",
		socks5.UDPTun: "udp", socks5.FwdUDP: "udp", 0x99: "command 0x99",
	} {
		if got := c.String(); got != want {
			t.Errorf("Command(%#x): got %q, want %q", byte(c), got, want)
		}
		if got := c.Known(); got != (c != 0x99) {
			t.Errorf("Command(%#x).Known: got %v", byte(c), got)
		}
	}
}
