package bench

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/server"
)

// The greeting of RFC 1928, section 3, and its answer.
var (
	greeting = []byte{5, 1, 0}
	welcome  = []byte{5, 0}
)

// BenchmarkTLSHandshake connects to a server with mutual TLS 1.3, and greets it,
// so that the server has verified the client when an operation ends.
func BenchmarkTLSHandshake(b *testing.B) {
	for _, resume := range []bool{false, true} {
		kind := map[bool]string{false: "full", true: "resumed"}[resume]
		b.Run(kind+"/server", func(b *testing.B) { measure(b, "handshakes/s", serverHandshake(b, resume)) })
		b.Run(kind+"/bare", func(b *testing.B) { measure(b, "handshakes/s", bareHandshake(b, resume)) })
	}
}

// serverHandshake makes handshakes of a client and a server of this module.
func serverHandshake(t testing.TB, resume bool) operation {
	m := newMutual(t)
	addr := start(t, &server.Server{TLS: m.serverTLS(t)})
	return handshake(addr, m.clientTLS(t), resume)
}

// bareHandshake makes the same with crypto/tls alone.
func bareHandshake(t testing.TB, resume bool) operation {
	serverTLS, clientTLS := newMutual(t).bare()
	addr := answer(t, func(c net.Conn) {
		secure := tls.Server(c, serverTLS)
		defer secure.Close()
		if _, err := io.ReadFull(secure, make([]byte, len(greeting))); err != nil {
			return
		}
		secure.Write(welcome)
		io.Copy(io.Discard, secure)
	})
	return handshake(addr, clientTLS, resume)
}

// handshake connects to addr, and is wrong if the session was resumed and was
// not to be, or the other way round. The first operation resumes none.
func handshake(addr string, config *tls.Config, resume bool) operation {
	if !resume {
		config = config.Clone()
		config.ClientSessionCache = nil
	}
	var started atomic.Bool
	return func() error {
		c, err := tls.Dial("tcp", addr, config)
		if err != nil {
			return err
		}
		defer c.Close()
		want := resume && started.Swap(true)
		if state := c.ConnectionState(); state.DidResume != want || state.Version != tls.VersionTLS13 {
			return fmt.Errorf("resumed: got %t, want %t; %s", state.DidResume, want, tls.VersionName(state.Version))
		}
		got := make([]byte, len(welcome))
		if _, err := c.Write(greeting); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, welcome) {
			return errors.Join(err, fmt.Errorf("greeted with % x, want % x", got, welcome))
		}
		return nil
	}
}

// answer accepts connections until the test ends, gives each to serve, closes
// it after that, and returns the address.
func answer(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l := listen(t)
	var running sync.WaitGroup
	running.Go(func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { // ends when the far end closes
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}
