package client_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/client"
)

// A handshake asks for nothing, of a server of ours too, and ends in order.
func TestHandshake(t *testing.T) {
	n := newNetwork(t)
	complete := []string{greetBoth, takeLogin, login, loginOK}
	for name, d := range map[string]*client.Dialer{
		"plain": {}, "TLS": {TLS: n.clientConfig()},
	} {
		t.Run(name, func(t *testing.T) {
			rest := make(chan error, 1)
			answer := func(t *testing.T, _ int, c *recorder) {
				for i := 0; i < len(complete); i += 2 {
					expect(t, c, complete[i])
					io.WriteString(c, complete[i+1])
				}
				more, err := io.ReadAll(c)
				if len(more) > 0 {
					err = errors.Join(err, errors.New("more came: "+string(more)))
				}
				rest <- err
			}
			if d.TLS == nil {
				d.Address = serve(t, nil, answer)
			} else {
				d.Address = serve(t, ours(n.serverConfig()), answer)
			}
			d.User, d.Password = "alice", "secret"
			if err := d.Handshake(testContext(t)); err != nil {
				t.Fatal(err)
			}
			if err := <-rest; err != nil {
				t.Errorf("after the login the proxy read %v, want the end", err)
			}
		})
	}
}

func TestHandshakeFails(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	silent := func(t *testing.T, _ int, c *recorder) { io.Copy(io.Discard, c) }
	refusing := steps(greetBoth, takeLogin, login, "\x01\x01")
	for name, test := range map[string]struct {
		d  *client.Dialer
		op string
		is error
	}{
		"unknown CA":     {&client.Dialer{Address: serve(t, n.serverConfig(), silent), TLS: other.clientConfig()}, "tls", nil},
		"wrong password": {&client.Dialer{Address: serve(t, nil, refusing), User: "alice", Password: "secret"}, "login", client.ErrLogin},
		"long name":      {&client.Dialer{Address: serve(t, nil, silent), User: strings.Repeat("a", 256)}, "login", nil},
		"no answer":      {&client.Dialer{Address: serve(t, nil, silent), Timeout: 50 * time.Millisecond}, "login", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.d.Handshake(testContext(t))
			if wantProxyError(t, err, test.op); test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v", err, test.is)
			}
		})
	}
}

// inMemory is a way to a proxy that answers one connection in memory.
func inMemory(answer func(c net.Conn)) plainDialer {
	return func(string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { // ends when answer does, with the test
			defer far.Close()
			answer(far)
		}()
		return near, nil
	}
}

// By bounds the way to the proxy, and not the wait for its reply.
func TestAttemptBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soon := client.WithAttempt(t.Context(), client.Attempt{By: time.Now().Add(time.Second)})
		begin := time.Now()
		silent := inMemory(func(c net.Conn) { io.Copy(io.Discard, c) })
		_, err := (&client.Dialer{Address: "x:1", Forward: silent}).DialContext(soon, "tcp", "example.org:80")
		if took := time.Since(begin); !wantProxyError(t, err, "login").Timeout() || took != time.Second {
			t.Errorf("got %v after %v, want a timeout after a second", err, took)
		}

		late := inMemory(func(c net.Conn) {
			expect(t, c, greetNone)
			io.WriteString(c, takeNone)
			expect(t, c, askName)
			time.Sleep(5 * time.Second)
			io.WriteString(c, replyOK)
		})
		soon = client.WithAttempt(t.Context(), client.Attempt{By: time.Now().Add(time.Second)})
		c, err := (&client.Dialer{Address: "x:1", Forward: late}).DialContext(soon, "tcp", "example.org:80")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// Reached tells of the proxy itself, not of one on the way to it.
func TestAttemptReached(t *testing.T) {
	first := serve(t, nil, steps(greetNone, takeNone, "\x05\x01\x00\x03\x05inner\x04\x38", replyOK,
		greetNone, takeNone, askName, replyOK))
	var took []time.Duration
	ctx := client.WithAttempt(testContext(t), client.Attempt{Reached: func(d time.Duration) { took = append(took, d) }})
	d := &client.Dialer{Address: "inner:1080", Forward: &client.Dialer{Address: first}}
	c, err := d.DialContext(ctx, "tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c)
	if len(took) != 1 || took[0] <= 0 {
		t.Errorf("got %v, want one time", took)
	}
	closed := &client.Dialer{Address: "127.0.0.1:1"}
	if _, err := closed.DialContext(ctx, "tcp", "example.org:80"); err == nil || len(took) != 1 {
		t.Errorf("out of reach: got %v and %v, want an error and no time", err, took)
	}
}
