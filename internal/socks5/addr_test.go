package socks5_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/socks5"
)

var (
	v4 = netip.MustParseAddr("192.0.2.1")
	v6 = netip.MustParseAddr("2001:db8::1")
)

// equalIPs lets cmp compare addresses.
var equalIPs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestAddrBytes(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, c := range []struct {
		addr socks5.Addr
		wire string
	}{
		{socks5.Addr{IP: v4, Port: 80}, "\x01\xc0\x00\x02\x01\x00\x50"},
		{socks5.Addr{IP: v6, Port: 65535}, "\x04\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01\xff\xff"},
		{socks5.Addr{Name: "example.com", Port: 443}, "\x03\x0bexample.com\x01\xbb"},
		{socks5.Addr{Name: "0", Port: 1}, "\x03\x010\x00\x01"},
		{socks5.Addr{Name: "a\x00b", Port: 1}, "\x03\x03a\x00b\x00\x01"},
		{socks5.Addr{Name: long, Port: 1}, "\x03\xff" + long + "\x00\x01"},
	} {
		if got := socks5.AppendAddr(nil, c.addr); string(got) != c.wire {
			t.Errorf("AppendAddr(%v): got %x, want %x", c.addr, got, c.wire)
		}
		if got := socks5.AddrLen(c.addr); got != len(c.wire) {
			t.Errorf("AddrLen(%v): got %d, want %d", c.addr, got, len(c.wire))
		}
		got, n, err := socks5.DecodeAddr([]byte(c.wire + "more"))
		if err != nil || n != len(c.wire) || got != c.addr {
			t.Errorf("DecodeAddr(%x): got %v, %d, %v, want %v, %d", c.wire, got, n, err, c.addr, len(c.wire))
		}
		if n, err := socks5.EncodedLen([]byte(c.wire)); err != nil || n != len(c.wire) {
			t.Errorf("EncodedLen(%x): got %d, %v, want %d", c.wire, n, err, len(c.wire))
		}
		for cut := range len(c.wire) {
			if _, _, err := socks5.DecodeAddr([]byte(c.wire[:cut])); !errors.Is(err, socks5.ErrShort) {
				t.Errorf("DecodeAddr(%x): got %v, want ErrShort", c.wire[:cut], err)
			}
		}
	}
}

// What has several spellings has one Addr: a literal in a name is an IP, and
// IPv4 within IPv6 is IPv4 (conformance 20 and 35).
func TestAddrCanonical(t *testing.T) {
	for _, c := range []struct {
		wire string
		want socks5.Addr
	}{
		{"\x03\x09192.0.2.1\x00\x50", socks5.Addr{IP: v4, Port: 80}},
		{"\x03\x0b2001:db8::1\x00\x50", socks5.Addr{IP: v6, Port: 80}},
		{"\x03\x0d[2001:db8::1]\x00\x50", socks5.Addr{IP: v6, Port: 80}},
		{"\x03\x10::ffff:192.0.2.1\x00\x50", socks5.Addr{IP: v4, Port: 80}},
		{"\x04" + strings.Repeat("\x00", 10) + "\xff\xff\xc0\x00\x02\x01\x00\x50", socks5.Addr{IP: v4, Port: 80}},
		{"\x03\x091.2.3.256\x00\x50", socks5.Addr{Name: "1.2.3.256", Port: 80}},
		{"\x03\x00\x00\x50", socks5.Addr{Port: 80}},
	} {
		got, n, err := socks5.DecodeAddr([]byte(c.wire))
		if err != nil || n != len(c.wire) || got != c.want {
			t.Errorf("DecodeAddr(%x): got %v, %d, %v, want %v", c.wire, got, n, err, c.want)
		}
	}
	if got := socks5.AppendAddr(nil, socks5.Addr{IP: netip.MustParseAddr("::ffff:192.0.2.1"), Port: 80}); string(got) != "\x01\xc0\x00\x02\x01\x00\x50" {
		t.Errorf("AppendAddr of a mapped address: got %x, want IPv4", got)
	}
	if got := socks5.AppendAddr(nil, socks5.Addr{}); string(got) != "\x01\x00\x00\x00\x00\x00\x00" {
		t.Errorf("AppendAddr of the zero Addr: got %x, want 0.0.0.0:0", got)
	}
	for _, wire := range []string{"\x00", "\x02", "\x05", "\xff"} {
		_, _, err := socks5.DecodeAddr([]byte(wire + "\x7f\x00\x00\x01\x00\x50"))
		if !errors.Is(err, socks5.ErrAddressType) || !errors.Is(err, socks5.AddressTypeNotSupported) {
			t.Errorf("type %x: got %v, want ErrAddressType", wire, err)
		}
	}
}

func TestParseAddr(t *testing.T) {
	for in, want := range map[string]socks5.Addr{
		"192.0.2.1:80":          {IP: v4, Port: 80},
		"[2001:db8::1]:80":      {IP: v6, Port: 80},
		"[::ffff:192.0.2.1]:80": {IP: v4, Port: 80},
		"example.com:0":         {Name: "example.com"},
		":80":                   {Port: 80},
	} {
		if got, err := socks5.ParseAddr(in); err != nil || got != want {
			t.Errorf("ParseAddr(%q): got %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "host", "host:", "host:http", "host:65536", "host:-1", "::1:80"} {
		if got, err := socks5.ParseAddr(in); err == nil {
			t.Errorf("ParseAddr(%q): got %v, want an error", in, got)
		}
	}
	if _, err := socks5.ParseAddr("[fe80::1%eth0]:80"); !errors.Is(err, socks5.ErrZone) {
		t.Errorf("with a zone: got %v, want ErrZone", err)
	}
	if _, err := socks5.ParseAddr(strings.Repeat("a", 256) + ":80"); !errors.Is(err, socks5.ErrNameTooLong) {
		t.Errorf("256 bytes: got %v, want ErrNameTooLong", err)
	}
}

func TestAddrOf(t *testing.T) {
	for _, c := range []struct {
		in   net.Addr
		want socks5.Addr
	}{
		{nil, socks5.Addr{}},
		{socks5.Addr{Name: "a", Port: 1}, socks5.Addr{Name: "a", Port: 1}},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, socks5.Addr{IP: v4, Port: 80}},
		{&net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 80}, socks5.Addr{IP: v6, Port: 80}},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 80, Zone: "eth0"}, socks5.Addr{IP: netip.MustParseAddr("fe80::1"), Port: 80}},
		{&net.UnixAddr{Name: "/run/x", Net: "unix"}, socks5.Addr{}},
	} {
		if got := socks5.AddrOf(c.in); got != c.want {
			t.Errorf("AddrOf(%v): got %v, want %v", c.in, got, c.want)
		}
	}
}

func TestAddrMethods(t *testing.T) {
	for _, c := range []struct {
		addr             socks5.Addr
		host, text       string
		isName, hasAddrP bool
	}{
		{socks5.Addr{IP: v4, Port: 80}, "192.0.2.1", "192.0.2.1:80", false, true},
		{socks5.Addr{IP: v6, Port: 80}, "2001:db8::1", "[2001:db8::1]:80", false, true},
		{socks5.Addr{Name: "example.com", Port: 80}, "example.com", "example.com:80", true, false},
		{socks5.Addr{}, "", ":0", false, false},
	} {
		a := c.addr
		if a.Host() != c.host || a.String() != c.text || a.IsName() != c.isName || a.AddrPort().IsValid() != c.hasAddrP {
			t.Errorf("%#v: got %q, %q, %v, %v", a, a.Host(), a.String(), a.IsName(), a.AddrPort())
		}
	}
}

// Conformance 22, 23 and 35.
func TestAddrValid(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"example.com": true, "example.com.": true, "localhost": true, "_sip._udp.example": true,
		"xn--bcher-kva.example": true, "b\xc3\xbccher.example": true, "0": true, label + ".com": true,
		strings.Repeat(label+".", 3) + label[:61]:       true, // 253
		strings.Repeat(label+".", 3) + label[:61] + ".": true,
		strings.Repeat(label+".", 3) + label[:62]:       false,
		"": false, ".": false, "..": false, ".com": false, "a..b": false, "a..": false,
		label + "a.com": false, "a\x00b": false, "a b": false, "a\nb": false, "a\x7f": false,
		"a:b": false, "fe80::1%eth0": false, "[a": false, "a]": false, "a/b": false,
	} {
		if got := (socks5.Addr{Name: name}).Valid(); got != want {
			t.Errorf("Valid(%q): got %v, want %v", name, got, want)
		}
	}
	for ip, want := range map[string]bool{"192.0.2.1": true, "::": true, "fe80::1": true, "fe80::1%eth0": false} {
		if got := (socks5.Addr{IP: netip.MustParseAddr(ip)}).Valid(); got != want {
			t.Errorf("Valid(%s): got %v, want %v", ip, got, want)
		}
	}
}

func TestUDPDatagramHeader(t *testing.T) {
	for _, c := range []struct {
		wire string
		want error
	}{
		{"", socks5.ErrShort},
		{"\x00\x00", socks5.ErrShort},
		{"\x00\x00\x00\x01\x7f\x00\x00\x01\x00", socks5.ErrShort},
		{"\x00\x01\x00\x01\x7f\x00\x00\x01\x00\x35", socks5.ErrReserved},
		{"\x01\x00\x00\x01\x7f\x00\x00\x01\x00\x35", socks5.ErrReserved},
		{"\x00\x00\x01\x01\x7f\x00\x00\x01\x00\x35", socks5.ErrFragment},
		{"\x00\x00\x00\x02\x7f\x00\x00\x01\x00\x35", socks5.ErrAddressType},
	} {
		if _, _, err := socks5.DecodeDatagram([]byte(c.wire)); !errors.Is(err, c.want) {
			t.Errorf("DecodeDatagram(%x): got %v, want %v", c.wire, err, c.want)
		}
	}
	for _, data := range []string{"", "x", strings.Repeat("y", 65497)} {
		addr := socks5.Addr{Name: "example.com", Port: 53}
		wire := append(socks5.AppendDatagramHeader(nil, addr), data...)
		got, rest, err := socks5.DecodeDatagram(wire)
		if err != nil || got != addr || string(rest) != data {
			t.Errorf("%d bytes: got %v, %d bytes, %v", len(data), got, len(rest), err)
		}
	}
}

// A Hosts reads as the functions do, however many names it has seen.
func TestUDPHosts(t *testing.T) {
	var hosts socks5.Hosts
	for round := range 2 {
		for i := range 500 {
			name := strings.Repeat("h", 1+i%250) + string(rune('a'+i%26))
			wire := socks5.AppendDatagramHeader(nil, socks5.Addr{Name: name, Port: uint16(i + round)})
			want, _, _ := socks5.DecodeDatagram(wire)
			if got, _, err := hosts.DecodeDatagram(wire); err != nil || got != want {
				t.Fatalf("got %v, %v, want %v", got, err, want)
			}
		}
	}
}

func TestEncodersAndDecodersDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 1024)
	var hosts socks5.Hosts
	name := socks5.Addr{Name: "example.com", Port: 80}
	addrs := []socks5.Addr{{IP: v4, Port: 80}, {IP: v6, Port: 80}, name}
	wires := make([][]byte, len(addrs))
	for i, a := range addrs {
		wires[i] = socks5.AppendDatagramHeader(nil, a)
		hosts.DecodeDatagram(wires[i])
	}
	steps := map[string]func(){
		"AppendGreeting":   func() { socks5.AppendGreeting(buf, socks5.MethodNone, socks5.MethodPassword) },
		"AppendMethod":     func() { socks5.AppendMethod(buf, socks5.MethodNone) },
		"AppendLogin":      func() { socks5.AppendLogin(buf, "user", "password") },
		"AppendLoginReply": func() { socks5.AppendLoginReply(buf, true) },
		"AppendRequest":    func() { socks5.AppendRequest(buf, socks5.Request{Command: socks5.Connect, Addr: name}) },
		"AppendReply":      func() { socks5.AppendReply(buf, socks5.Succeeded, addrs[0]) },
		"Hosts and AddrLen": func() {
			for _, w := range wires {
				hosts.DecodeDatagram(w)
			}
			socks5.AddrLen(name)
		},
		"DecodeDatagram": func() { socks5.DecodeDatagram(wires[0]); socks5.DecodeDatagram(wires[1]) },
		"AppendDatagramHead": func() {
			for _, a := range addrs {
				socks5.AppendDatagramHeader(buf, a)
			}
		},
		"Valid": func() { name.Valid() },
	}
	for what, step := range steps {
		if got := testing.AllocsPerRun(100, step); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", what, got)
		}
	}
	if got := testing.AllocsPerRun(100, func() { socks5.DecodeDatagram(wires[2]) }); got != 1 {
		t.Errorf("DecodeDatagram of a name: got %v allocations, want 1, the name", got)
	}
}
