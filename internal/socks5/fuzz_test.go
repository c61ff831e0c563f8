package socks5_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
)

// took returns what read took of b, and fails t when an error is not one of the
// documented ones.
func took(t *testing.T, b []byte, read func(io.Reader) error) (taken []byte, ok bool) {
	t.Helper()
	r := bytes.NewReader(b)
	err := read(r)
	switch {
	case err == nil:
		return b[:len(b)-r.Len()], true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, socks5.ErrVersion),
		errors.Is(err, socks5.ErrAddressType), errors.Is(err, socks5.ErrLogin), errors.As(err, new(socks5.Reply)):
		return nil, false
	}
	t.Fatalf("%x: got %v, want a documented error", b, err)
	return nil, false
}

// seed adds the messages of the table.
func seed(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m.wire))
		f.Add([]byte(m.wire + "pipelined"))
	}
}

// same wants wire to be what the appender writes.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("written: got %x, want %x", got, want)
	}
}

// sameAddr wants what is written of addr to be read as addr.
func sameAddr(t *testing.T, addr socks5.Addr) {
	t.Helper()
	if addr.IP.Is4In6() {
		t.Fatalf("read the IPv4-mapped %v", addr)
	}
	wire := socks5.AppendAddr(nil, addr)
	if addr == (socks5.Addr{Port: addr.Port}) {
		return // the empty name is written as 0.0.0.0
	}
	if addr.IP.Zone() != "" {
		t.Fatalf("read %v as an address, which has no place for its zone", addr)
	}
	got, n, err := socks5.DecodeAddr(wire)
	if err != nil || n != len(wire) || n != socks5.AddrLen(addr) || got != addr {
		t.Fatalf("%v is written as %x, and that read as %v, %d, %v", addr, wire, got, n, err)
	}
}

func FuzzReadGreeting(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var methods []byte
		taken, ok := took(t, b, func(r io.Reader) (err error) { methods, err = socks5.ReadGreeting(r); return })
		if ok {
			same(t, socks5.AppendGreeting(nil, methods...), taken)
		}
	})
}

func FuzzReadMethod(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var method byte
		taken, ok := took(t, b, func(r io.Reader) (err error) { method, err = socks5.ReadMethod(r); return })
		if ok {
			same(t, socks5.AppendMethod(nil, method), taken)
		}
	})
}

func FuzzReadLogin(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var name, password string
		taken, ok := took(t, b, func(r io.Reader) (err error) { name, password, err = socks5.ReadLogin(r); return })
		if !ok || name == "" || password == "" {
			return
		}
		wire, err := socks5.AppendLogin(nil, name, password)
		if err != nil {
			t.Fatal(err)
		}
		same(t, wire, taken)
	})
}

func FuzzReadLoginReply(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		taken, ok := took(t, b, socks5.ReadLoginReply)
		if ok {
			same(t, socks5.AppendLoginReply(nil, true)[1:], taken[1:])
		}
	})
}

func FuzzReadRequest(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var req socks5.Request
		taken, ok := took(t, b, func(r io.Reader) (err error) { req, err = socks5.ReadRequest(r); return })
		if !ok {
			return
		}
		if _, n, err := socks5.DecodeAddr(taken[3:]); err != nil || 3+n != len(taken) {
			t.Fatalf("took %d bytes of a request of %d, %v", len(taken), 3+n, err)
		}
		sameAddr(t, req.Addr)
	})
}

func FuzzReadReply(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var bound socks5.Addr
		taken, ok := took(t, b, func(r io.Reader) (err error) { bound, err = socks5.ReadReply(r); return })
		if !ok {
			return
		}
		if _, n, err := socks5.DecodeAddr(taken[3:]); err != nil || 3+n != len(taken) {
			t.Fatalf("took %d bytes of a reply of %d, %v", len(taken), 3+n, err)
		}
		sameAddr(t, bound)
	})
}

func FuzzDecodeAddr(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m.wire[min(3, len(m.wire)):]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, n, err := socks5.DecodeAddr(b)
		switch {
		case err == nil && n <= len(b):
			sameAddr(t, addr)
		case !errors.Is(err, socks5.ErrShort) && !errors.Is(err, socks5.ErrAddressType):
			t.Fatalf("%x: got %d, %v", b, n, err)
		}
	})
}

func FuzzDecodeDatagram(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x7f\x00\x00\x01\x00\x35data"))
	f.Add([]byte("\x00\x00\x00\x03\x0bexample.com\x00\x35"))
	f.Add([]byte("\x00\x00\x01\x03\x0bexample.com\x00\x35"))
	var hosts socks5.Hosts
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, data, err := socks5.DecodeDatagram(b)
		addr2, data2, err2 := hosts.DecodeDatagram(b)
		if addr != addr2 || !bytes.Equal(data, data2) || !errors.Is(err2, err) {
			t.Fatalf("%x: got %v, %x, %v; through a Hosts %v, %x, %v", b, addr, data, err, addr2, data2, err2)
		}
		if err != nil {
			return
		}
		if !bytes.HasSuffix(b, data) {
			t.Fatalf("%x: the data %x is not its end", b, data)
		}
		sameAddr(t, addr)
	})
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"192.0.2.1:80", "[::1]:80", "example.com:1", "[fe80::1%eth0]:80", ":0", "[[::1]]:1", "::1:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, err := socks5.ParseAddr(s)
		if err != nil {
			return
		}
		sameAddr(t, addr)
		again, err := socks5.ParseAddr(addr.String())
		if err != nil || again != addr {
			t.Fatalf("%q is %v, and that %v, %v", s, addr, again, err)
		}
	})
}
