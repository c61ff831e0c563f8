package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

func TestDiagnoseTheWay(t *testing.T) {
	for name, tt := range map[string]struct {
		op   string
		err  error
		want client.Cause
		next string
	}{
		"name":      {"dial", &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, client.CauseNoSuchHost, "a slip"},
		"DNS":       {"dial", &net.DNSError{Err: "server misbehaving", Name: "x"}, client.CauseLookup, "online"},
		"refused":   {"dial", syscall.ECONNREFUSED, client.CausePortClosed, "nothing listens"},
		"socket":    {"dial", fs.ErrNotExist, client.CausePortClosed, "no such socket"},
		"route":     {"dial", syscall.ENETUNREACH, client.CauseNoRoute, "online"},
		"host":      {"dial", syscall.EHOSTUNREACH, client.CauseNoRoute, "online"},
		"timeout":   {"dial", context.DeadlineExceeded, client.CausePortSilent, "nothing answers"},
		"forbidden": {"dial", syscall.EACCES, client.CauseDial, "forbids"},
		"other":     {"dial", errors.New("other"), client.CauseDial, ""},
		"TLS":       {"tls", errors.New("other"), client.CauseTLS, "does not keep to TLS"},
		"reset":     {"tls", syscall.ECONNRESET, client.CauseTLSCut, "socks5://"},
		"EOF":       {"login", io.EOF, client.CauseHungUp, "locked"},
		"request":   {"request", io.EOF, client.CauseHungUp, "when it was asked"},
		"udp":       {"udp", io.EOF, client.CauseHungUp, "association"},
		"login":     {"login", client.ErrLogin, client.CauseLogin, "user verify"},
		"method":    {"login", client.ErrMethod, client.CauseMethod, "--password-file"},
		"hint":      {"tls", &certs.Error{Reason: certs.ReasonPinMismatch, Hint: "look there", Err: errors.New("wrong")}, client.CausePin, "look there"},
	} {
		err := fmt.Errorf("wrapped: %w", &client.ProxyError{Op: tt.op, Proxy: "socks5://p:1", Err: tt.err})
		got := client.Diagnose(err)
		if got.Cause != tt.want || !strings.Contains(got.Next, tt.next) || (tt.next == "") != (got.Next == "") {
			t.Errorf("%s: got %s, next %q, want %s, %q", name, got.Cause, got.Next, tt.want, tt.next)
		}
		if !strings.HasPrefix(got.Why, "wrapped: proxy socks5://p:1: "+tt.op+": ") || strings.Contains(got.Why, "look there") {
			t.Errorf("%s: why: got %q, want the error without the hint", name, got.Why)
		}
	}
	if got := client.Diagnose(nil); got != (client.Diagnosis{}) {
		t.Errorf("no error: got %+v", got)
	}
	if got := client.Diagnose(errors.New("other")); got != (client.Diagnosis{Why: "other"}) {
		t.Errorf("another error: got %+v", got)
	}
}

// What answers in place of a SOCKS5 server is told by how it begins.
func TestDiagnoseWhoAnswers(t *testing.T) {
	for first, next := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "a web server", "SSH-2.0-x\r\n": "SSH", "\x15\x03\x01\x00\x02\x02\x46": "TLS",
		"\x00\x5b\x00\x00\x00\x00\x00\x00": "SOCKS4", "220 smtp\r\n": "begins with 0x32",
	} {
		at := serve(t, nil, func(t *testing.T, _ int, c *recorder) { io.WriteString(c, first); io.Copy(io.Discard, c) })
		got := client.Diagnose((&client.Dialer{Address: at}).Handshake(testContext(t)))
		if got.Cause != client.CauseNotSOCKS || !strings.Contains(got.Next, next) {
			t.Errorf("without TLS, %.6q: got %s, %q, want %s in it", first, got.Cause, got.Next, next)
		}
	}
	for first, next := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "a web server", "SSH-2.0-x\r\n": "SSH", "\x05\xff\x00\x00\x00": "SOCKS without TLS", "220 smtp\r\n": "plain connections",
	} {
		at := serve(t, nil, func(t *testing.T, _ int, c *recorder) { io.WriteString(c, first); io.Copy(io.Discard, c) })
		got := client.Diagnose((&client.Dialer{Address: at, TLS: newNetwork(t).clientConfig()}).Handshake(testContext(t)))
		if got.Cause != client.CauseNotTLS || !strings.Contains(got.Next, next) {
			t.Errorf("with TLS, %.6q: got %s, %q, want %s in it", first, got.Cause, got.Next, next)
		}
	}
}

// A proxy that says nothing is told from one that hangs up, with TLS and without.
func TestDiagnoseSilence(t *testing.T) {
	silent := func(t *testing.T, _ int, c *recorder) { io.Copy(io.Discard, c) }
	ends := func(t *testing.T, _ int, c *recorder) { io.ReadFull(c, make([]byte, 3)) }
	n := newNetwork(t)
	plain := client.Dialer{Timeout: 50 * time.Millisecond}
	for name, tt := range map[string]struct {
		at   string
		tls  bool
		want client.Cause
	}{
		"silent": {serve(t, nil, silent), false, client.CauseSilent}, "silent TLS": {serve(t, nil, silent), true, client.CauseTLSSilent},
		"ends": {serve(t, nil, ends), false, client.CauseHungUp}, "ends TLS": {serve(t, nil, ends), true, client.CauseTLSCut},
		"no socket": {filepath.Join(t.TempDir(), "none"), false, client.CausePortClosed},
	} {
		d := &client.Dialer{Address: tt.at, Timeout: plain.Timeout}
		if filepath.IsAbs(tt.at) {
			d.Network = "unix"
		}
		if tt.tls {
			d.TLS = n.clientConfig()
		}
		if got := client.Diagnose(d.Handshake(testContext(t))); got.Cause != tt.want || got.Next == "" {
			t.Errorf("%s: got %s, next %q, want %s", name, got.Cause, got.Next, tt.want)
		}
	}
}

func TestDiagnoseReplies(t *testing.T) {
	for code, want := range []client.Cause{
		1: client.CauseProxyFailed, 2: client.CauseDenied, 3: client.CauseTargetUnreachable, 4: client.CauseTargetUnreachable,
		5: client.CauseTargetRefused, 6: client.CauseTargetSilent, 7: client.CauseCommandOff, 8: client.CauseTargetUnreachable,
	} {
		if code == 0 {
			continue
		}
		answers := func(t *testing.T, _ int, c *recorder) {
			expect(t, c, greetNone)
			io.WriteString(c, takeNone)
			io.ReadFull(c, make([]byte, 10))
			io.WriteString(c, "\x05"+string(rune(code))+"\x00\x01\x00\x00\x00\x00\x00\x00")
		}
		d := &client.Dialer{Address: serve(t, nil, answers)}
		_, err := d.DialContext(testContext(t), "tcp", "192.0.2.1:80")
		got := client.Diagnose(err)
		if got.Cause != want || got.Next == "" || !strings.HasSuffix(got.Why, fmt.Sprintf("(REP %02x)", code)) {
			t.Errorf("got %+v, want %s and the code %02x", got, want, code)
		}
		address := want == client.CauseDenied || want == client.CauseTargetUnreachable
		if strings.Contains(got.Next, "socks5h://") != address {
			t.Errorf("REP %02x for an address: got %q", code, got.Next)
		}
		_, err = d.DialContext(testContext(t), "tcp", "name.test:80")
		if got := client.Diagnose(err); strings.Contains(got.Next, "socks5h://") {
			t.Errorf("REP %02x for a name: got %q", code, got.Next)
		}
	}
}

// What did not come in time is the target's fault where the proxy says so, and
// else the proxy's; of a BIND it is the peer's.
func TestDiagnoseNoReply(t *testing.T) {
	answers := func(t *testing.T, n int, c *recorder) {
		expect(t, c, greetNone)
		io.WriteString(c, takeNone)
		io.ReadFull(c, make([]byte, 10))
		if n > 0 {
			io.WriteString(c, "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x09")
		}
		io.Copy(io.Discard, c)
	}
	d := &client.Dialer{Address: serve(t, nil, answers), ReplyTimeout: 50 * time.Millisecond, BindTimeout: 50 * time.Millisecond}
	_, err := d.DialContext(testContext(t), "tcp", "192.0.2.1:80")
	if got := client.Diagnose(err); got.Cause != client.CauseSilent || got.Next == "" {
		t.Errorf("CONNECT: got %+v, want %s", got, client.CauseSilent)
	}
	d.ReplyTimeout = 0
	l, err := d.Listen(testContext(t), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = l.Accept()
	if got := client.Diagnose(err); got.Cause != client.CauseNobodyCame || got.Next == "" {
		t.Errorf("BIND: got %+v, want %s", got, client.CauseNobodyCame)
	}
}

func TestDiagnoseDatagrams(t *testing.T) {
	d := &client.Dialer{Address: "127.0.0.1:1", UDP: client.UDPOff}
	_, err := d.ListenPacket(testContext(t), "udp", "")
	if got := client.Diagnose(err); got.Cause != client.CauseUDPOff {
		t.Errorf("got %+v, want %s", got, client.CauseUDPOff)
	}
	if got := client.Diagnose(fmt.Errorf("%w: x", client.ErrUDPNotEncrypted)); got.Cause != client.CauseUDPNotEncrypted || !strings.Contains(got.Next, "--udp plain") {
		t.Errorf("got %+v, want %s", got, client.CauseUDPNotEncrypted)
	}
}
