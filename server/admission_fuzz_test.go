package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzAdmission holds conversations, several at once, with servers of every
// kind. The input says with which, and what is sent in which pieces; what the
// clients read, what the outbound is asked for and what the records say has to
// be what the model says.
func FuzzAdmission(f *testing.F) {
	for i := range 64 {
		f.Add(randomTape(uint64(i)))
	}
	all := posts(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		tape := tape(in)
		all[tape.next(len(all))].converse(t, &tape)
	})
}

// TestAdmission is FuzzAdmission over the same inputs each time, and wants all
// that can become of a conversation to occur among them.
func TestAdmission(t *testing.T) {
	all, seen := posts(t), make(map[string]int)
	for i := range 1500 {
		tape := tape(randomTape(uint64(i)))
		for _, v := range all[tape.next(len(all))].converse(t, &tape) {
			seen[v.kind()]++
		}
		if t.Failed() {
			t.Fatalf("at input %d", i)
		}
	}
	t.Log(seen)
	for _, kind := range []string{
		"", "ff", "02", "02 01 01", "00", "00 01", "00 02", "00 04", "00 05", "00 07", "00 08", "00 00",
		"02 01 00", "02 01 00 01", "02 01 00 02", "02 01 00 04", "02 01 00 05", "02 01 00 07", "02 01 00 08", "02 01 00 00",
	} {
		if seen[kind] == 0 {
			t.Errorf("no conversation went %q", kind)
		}
	}
}

// kind returns the codes of what was said.
func (v verdict) kind() string {
	said := []byte(v.said)
	switch {
	case len(said) < 2:
		return ""
	case len(said) < 4 || said[1] != 2:
		return strings.TrimSpace(fmt.Sprintf("%02x %x", said[1], said[min(3, len(said)):min(4, len(said))]))
	}
	return strings.TrimSpace(fmt.Sprintf("%02x %02x %02x %x", said[1], said[2], said[3], said[min(5, len(said)):min(6, len(said))]))
}

func randomTape(seed uint64) []byte {
	b := make([]byte, 96)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// client is one end of a conversation.
type client struct {
	net.Conn
	station
	sent   []byte // in all
	unsent []byte
	want   verdict
	got    chan string // all that was read
}

// converse holds the conversations that the tape asks for.
func (p *post) converse(t *testing.T, tape *tape) (verdicts []verdict) {
	clients := make([]*client, 1+tape.next(3))
	for i := range clients {
		certified := p.secure != "" && tape.next(2) == 1
		sent := tape.conversation(i)
		clients[i] = &client{station: p.station, sent: sent, unsent: sent, want: p.verdict(certified && p.secure != "none", sent), got: make(chan string, 1)}
		clients[i].open(t, p, certified)
		verdicts = append(verdicts, clients[i].want)
	}
	for len(*tape) > 1 { // in pieces, by turns
		clients[tape.next(len(clients))].send(1 + tape.next(40))
	}
	for _, c := range clients {
		c.send(len(c.unsent))
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	for _, c := range clients {
		c.check(t)
	}
	p.checkRecords(t, clients)
	return verdicts
}

// open connects and begins to read.
func (c *client) open(t *testing.T, p *post, certified bool) {
	t.Helper()
	conn, err := net.Dial("unix", p.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	c.Conn = conn
	if p.secure != "" {
		config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", SessionTicketsDisabled: true}
		config.RootCAs.AddCert(p.keys.ca.Certificate)
		if certified {
			config.Certificates = []tls.Certificate{*p.cert}
		}
		c.Conn = tls.Client(conn, config)
	}
	go func() { // ends with the connection
		got, err := io.ReadAll(c.Conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			got = append(got, "... and then nothing"...)
		}
		c.got <- string(got)
	}()
}

// send sends the next n bytes, which may meet the end.
func (c *client) send(n int) {
	n = min(n, len(c.unsent))
	c.Conn.Write(c.unsent[:n])
	c.unsent = c.unsent[n:]
}

// check compares what was read.
func (c *client) check(t *testing.T) {
	t.Helper()
	got := <-c.got
	c.Conn.Close()
	if c.want.unsure {
		if rest, ok := strings.CutPrefix(got, c.want.said); !ok || len(rest) < 10 || rest[0] != 5 || rest[1] > 8 {
			t.Errorf("read % x, want % x and a reply", got, c.want.said)
		}
		return
	}
	if got != c.want.said {
		t.Errorf("%+v: after % x read % x, want % x", c.station, c.sent, got, c.want.said)
	}
}

// checkRecords compares the records with what has to be in them. There is one
// for each connection.
func (p *post) checkRecords(t *testing.T, clients []*client) {
	t.Helper()
	var got, want []string
	unsure := false
	for _, c := range clients {
		s := next(t, "record", p.closed)
		p.mu.Lock()
		asked, opened := p.asked[s], p.opened[s]
		delete(p.asked, s)
		delete(p.opened, s)
		p.mu.Unlock()
		port := s.Port
		if opened == 0 {
			port = 0
		}
		got = append(got, fmt.Sprintf("%q asked %d, opened %d, port %d, in order %t", s.Identity.User, asked, opened, port, s.Err() == nil))
		v := c.want
		want = append(want, fmt.Sprintf("%q asked %d, opened %d, port %d, in order %t", v.user, count(v.asked), count(v.admitted), v.port, v.tunnel))
		unsure = unsure || v.unsure
		if p.ways != "open" && s.Identity.User == "" && asked > 0 {
			t.Errorf("the outbound was asked for a session without a login")
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" && !unsure {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked)+len(p.opened)+len(p.closed) > 0 {
		t.Errorf("more was asked, opened or closed than there were clients")
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
