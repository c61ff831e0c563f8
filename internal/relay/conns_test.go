package relay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pairFunc returns the far end of a connection and the end that is relayed.
type pairFunc func(t testing.TB) (far, near net.Conn)

// modes are the kinds of tunnels that every test of behaviour goes through.
var modes = []struct {
	name           string
	client, target pairFunc
}{
	{"Plain", tcpPair, tcpPair},
	{"TLS13toPlain", tlsPair(tls.VersionTLS13), tcpPair},
	{"TLS12toPlain", tlsPair(tls.VersionTLS12), tcpPair},
	{"PlainToTLS13", tcpPair, reversed(tlsPair(tls.VersionTLS13))},
	{"TLStoTLS", tlsPair(tls.VersionTLS13), reversed(tlsPair(tls.VersionTLS12))},
	{"KeepingTLSToPlain", keepingPair(tls.VersionTLS13), tcpPair},
	{"UnixToPlain", unixPair, tcpPair},
	{"Opaque", hidden(tcpPair), tcpPair},
	{"Wrapped", wrapped(tcpPair), wrapped(tlsPair(tls.VersionTLS13))},
	{"PlainAtRest", resting(tcpPair, time.Nanosecond), tcpPair},
	{"TLSToPlainAtRest", resting(tlsPair(tls.VersionTLS13), time.Nanosecond), tcpPair},
	{"PlainRestless", resting(tcpPair, -1), tcpPair},
	{"TLSToPlainRestless", resting(tlsPair(tls.VersionTLS13), -1), tcpPair},
}

func forEachMode(t *testing.T, test func(t *testing.T, client, target pairFunc)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { test(t, m.client, m.target) })
	}
}

func socketPair(t testing.TB, network, address string) (far, near net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(); near.Close() })
	return far, near
}

func tcpPair(t testing.TB) (far, near net.Conn) {
	t.Helper()
	return socketPair(t, "tcp", "127.0.0.1:0")
}

func unixPair(t testing.TB) (far, near net.Conn) {
	t.Helper()
	return socketPair(t, "unix", filepath.Join(t.TempDir(), "s"))
}

// tlsPair makes pairs whose near end is the server, over Raw on both ends.
func tlsPair(version uint16) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		a, b := tcpPair(t)
		return tlsOver(t, version, relay.NewRaw(a), relay.NewRaw(b))
	}
}

func tlsOver(t testing.TB, version uint16, a, b net.Conn) (far, near *tls.Conn) {
	t.Helper()
	server := serverConfig()
	server.MaxVersion = version
	near = tls.Server(b, server)
	far = tls.Client(a, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- near.HandshakeContext(context.Background()) }()
	if err := far.HandshakeContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return far, near
}

// serverConfig is a TLS configuration with a throwaway certificate.
var serverConfigOnce = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{serverConfigOnce()}}
}

// reversed makes the near end of pairs the far one.
func reversed(pair pairFunc) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		near, far = pair(t)
		return far, near
	}
}

// addressed only decorates a conn.
type addressed struct{ net.Conn }

func (a addressed) RelayConn() net.Conn { return a.Conn }

func wrapped(pair pairFunc) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		far, near = pair(t)
		return far, addressed{addressed{near}}
	}
}

// rested is a conn whose tunnel is at rest after a time.
type rested struct {
	addressed
	after time.Duration
}

// resting makes pairs whose tunnel waits without goroutines when nothing came for a
// time, and never does if that is negative, as where there is no place to rest.
func resting(pair pairFunc, after time.Duration) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		far, near = pair(t)
		return far, rested{addressed{near}, after}
	}
}

// opaque shows the conn under it as *tls.Conn does, and so its bytes have to
// pass through it.
type opaque struct{ net.Conn }

func (o opaque) NetConn() net.Conn { return o.Conn }

// CloseWrite ends what goes to the peer.
func (o opaque) CloseWrite() error { return relay.CloseWrite(o.Conn) }

func hidden(pair pairFunc) pairFunc {
	return func(t testing.TB) (far, near net.Conn) {
		t.Helper()
		far, near = pair(t)
		return far, opaque{near}
	}
}

// joined is a tunnel that runs.
type joined struct {
	app, origin net.Conn
	up, down    atomic.Int64
	cancel      context.CancelCauseFunc
	ended       chan error
}

// join runs a tunnel between two pairs. Its end is waited for when t ends.
func join(t testing.TB, client, target pairFunc) *joined {
	t.Helper()
	j := &joined{ended: make(chan error, 1)}
	tunnel := &relay.Tunnel{Up: &j.up, Down: &j.down}
	j.app, tunnel.Client = client(t)
	j.origin, tunnel.Target = target(t)
	j.run(t, tunnel)
	return j
}

func (j *joined) run(t testing.TB, tunnel *relay.Tunnel) {
	if c, ok := tunnel.Client.(rested); ok {
		relay.Rest(tunnel, c.after)
	}
	var ctx context.Context
	ctx, j.cancel = context.WithCancelCause(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		j.ended <- tunnel.Run(ctx)
	}()
	t.Cleanup(func() {
		j.cancel(context.Canceled)
		<-over
	})
}

// wait returns how the tunnel ended.
func (j *joined) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-j.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the tunnel has not ended after 20 s")
		return nil
	}
}
