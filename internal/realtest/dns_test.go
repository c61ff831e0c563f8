//go:build linux

package realtest_test

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/internal/proxytest"
)

// nameServer answers every query over UDP with a TXT record. It returns the
// port.
func nameServer(t *testing.T, text string) string {
	t.Helper()
	_, port := splitHostPort(t, answerAt(t, "127.0.0.1:0", func(query []byte) ([]byte, error) { return answerTXT(query, text) }))
	return port
}

// answerAt answers the queries that come to address over UDP, and returns where
// that is.
func answerAt(t *testing.T, address string, answer func(query []byte) ([]byte, error)) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	answerOn(t, pc, answer)
	return pc.LocalAddr().String()
}

// answerOn answers the queries that come to pc, which is closed with the test.
func answerOn(t *testing.T, pc net.PacketConn, answer func(query []byte) ([]byte, error)) {
	t.Helper()
	ended := make(chan struct{})
	go func() { // ends when pc is closed
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			b, err := answer(buf[:n])
			if err == nil {
				_, err = pc.WriteTo(b, from)
			}
			if err != nil {
				t.Errorf("name server: %v", err)
			}
		}
	}()
	t.Cleanup(func() {
		pc.Close()
		<-ended
	})
}

func answerTXT(query []byte, text string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	for _, q := range m.Questions {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeTXT, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.TXTResource{TXT: []string{text}},
		})
	}
	return m.Pack()
}

func TestSocksifyDrillUDPMutualTLS(t *testing.T) {
	drill := program(t, "drill", "ldnsutils")
	text := strings.Repeat("over UDP ASSOCIATE ", 13)
	port := nameServer(t, text)
	args := []string{"-p", port, "@127.0.0.1", "realtest.example", "TXT"}

	eachWay(t, func(t *testing.T, proxy string) {
		out := mustRun(t, socksify(t, proxy, drill, args...))
		if !strings.Contains(out, text) {
			t.Errorf("drill printed %q, want an answer with %q", out, text)
		}
	})

	// Without a proxy there is no answer: what the others got came through it.
	t.Run("no proxy", func(t *testing.T) {
		r := run(t, socksify(t, proxytest.Closed(t), drill, args...))
		if r.err == nil || strings.Contains(r.stdout, text) {
			t.Errorf("drill got an answer that went round the proxy: %v, %q", r.err, r.stdout)
		}
	})
}

// freePort is an address that was free a moment ago, for a program that cannot
// choose one itself.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
