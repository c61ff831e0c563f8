//go:build linux

package realtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/certs"
)

// builtPebble is the path of Pebble, an ACME server for tests by those who run Let's
// Encrypt. It is no part of this module, and in no package of Debian's.
var builtPebble = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(os.TempDir(), "bin") + "/"
	out, err := exec.Command("go", "build", "-C", "../../tools/pebble", "-o", bin, "github.com/letsencrypt/pebble/v2/cmd/pebble").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build pebble: %w\n%s", err, out)
	}
	return bin + "pebble", nil
})

// ownLoopback returns an address of loopback that is likely nobody else's, for what
// cannot say which port it was given. The ports that go with it are below those
// that Linux gives out.
func ownLoopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 2+rand.N(200), rand.N(250), 1+rand.N(250))
}

// authority is a certificate authority that speaks ACME. Every name is at one
// address for it.
type authority struct {
	host, names string // where it is, and where the names are
	dir         string
	pki         *certs.CA // of its own listener
}

// newAuthority prepares one that connects to names, an address, when it is asked for
// certificates. It does not run yet.
func newAuthority(t *testing.T, names string) *authority {
	t.Helper()
	a := &authority{host: ownLoopback(), names: names, dir: t.TempDir()}
	var err error
	if a.pki, err = certs.NewCA("pebble", certs.Options{}); err == nil {
		err = a.pki.Write(a.dir, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.pki.Server([]string{a.host}, certs.Options{})
	if err == nil {
		err = pair.Write(a.dir, "pebble", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// flags has a server ask a for a certificate of proxy.example.
func (a *authority) flags(storage string) []string {
	return []string{
		"--acme-domain", "proxy.example", "--acme-email", "operator@example.org", "--acme-agree", "--acme-storage", storage,
		"--acme-directory", "https://" + a.host + ":14000/dir", "--acme-ca", filepath.Join(a.dir, "ca.crt"),
	}
}

// run runs it until the test ends. Its certificates are good for so long.
func (a *authority) run(t *testing.T, validity time.Duration) *process {
	t.Helper()
	pebble, err := builtPebble()
	if err != nil {
		lacking(t, err.Error())
	}
	_, port := splitHostPort(t, a.names)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": a.host + ":14000", "managementListenAddress": a.host + ":15000",
		"certificate": filepath.Join(a.dir, "pebble.crt"), "privateKey": filepath.Join(a.dir, "pebble.key"),
		"httpPort": 1, "tlsPort": number(port), "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": int(validity.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, filepath.Join(a.dir, "pebble.json"), string(config))
	cmd := command("sh", "-c", `exec "$0" "$@" >&2`, pebble, "-config", file, "-dnsserver", a.nameServer(t))
	cmd.Env = environment("PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	p := &process{cmd: cmd, said: newTranscript(), exited: make(chan struct{})}
	cmd.Stderr = p.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it knows no other end
		<-p.exited
		if t.Failed() {
			t.Logf("pebble\n%s", p.said)
		}
	})
	a.await(t, p)
	return p
}

// await waits until it answers: it says that it listens before it does.
func (a *authority) await(t *testing.T, p *process) {
	t.Helper()
	for end := time.Now().Add(startLimit); ; {
		if _, err := a.get("14000/dir"); err == nil {
			return
		} else if time.Now().After(end) {
			t.Fatalf("pebble does not answer: %v", err)
		}
		select {
		case <-p.exited:
			t.Fatalf("pebble ended: %v\n%s", p.err, p.said)
		default:
		}
	}
}

// get fetches a page of its own.
func (a *authority) get(page string) ([]byte, error) {
	roots := x509.NewCertPool()
	roots.AddCert(a.pki.Certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: startLimit}).Get("https://" + a.host + ":" + page)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// root is who issues its certificates: another each time that it runs.
func (a *authority) root(t *testing.T) *x509.Certificate {
	t.Helper()
	text, err := a.get("15000/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("root of pebble: got %q", text)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// nameServer answers, over TCP, that every name is where the names are, and only
// there.
func (a *authority) nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { a.answer(c) }) // ends with the client's side of it
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// answer answers the queries of a connection, each with its length in front.
func (a *authority) answer(c net.Conn) {
	defer c.Close()
	for {
		var length uint16
		if err := binary.Read(c, binary.BigEndian, &length); err != nil {
			return
		}
		query := make([]byte, length)
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		b, err := a.answerTo(query)
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
			return
		}
	}
}

func (a *authority) answerTo(query []byte) ([]byte, error) {
	at, err := netip.ParseAddrPort(a.names)
	if err != nil {
		return nil, err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
				Body:   &dnsmessage.AResource{A: at.Addr().As4()},
			})
		}
	}
	return m.Pack()
}
