//go:build linux

package realtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
)

// liveLimit is how long a session has to do what is awaited of it.
const liveLimit = 30 * time.Second

func regexpOf(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// live is a session that goes on until something ends it.
type live struct {
	what  string
	alive func() error // does something with it; once
	ended func() error // waits for its end: an error if it does not come
	close func() error
}

// sessions opens one of each command: a tunnel, a BIND that waits for its peer,
// and an association.
func sessions(t *testing.T, d *client.Dialer, to echoes) []live {
	t.Helper()
	all := []live{tunnel(t, d, to), waiting(t, d), association(t, d, to)}
	t.Cleanup(func() {
		for _, s := range all {
			s.close()
		}
	})
	return all
}

func tunnel(t *testing.T, d *client.Dialer, to echoes) live {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", to.tcp)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendsBack(c); err != nil {
		t.Fatal(err)
	}
	ended := func() error {
		c.SetReadDeadline(time.Now().Add(liveLimit))
		_, err := c.Read(make([]byte, 1))
		return unended(err)
	}
	return live{"connect", func() error { return sendsBack(c) }, ended, c.Close}
}

// unended is the error of a read or an Accept that did not end with the session.
func unended(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it goes on: %w", err)
	}
	return nil
}

// sendsBack has a few bytes come back.
func sendsBack(c net.Conn) error {
	c.SetDeadline(time.Now().Add(liveLimit))
	if _, err := io.WriteString(c, "ping"); err != nil {
		return err
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "ping" {
		return fmt.Errorf("got %q back, %w", buf, err)
	}
	return nil
}

func waiting(t *testing.T, d *client.Dialer) live {
	t.Helper()
	l, err := d.Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	go func() { // ends with the session, or when l is closed
		c, err := l.Accept()
		if err == nil {
			err = sendsBack(c)
			c.Close()
		}
		accepted <- err
	}()
	wait := func() error {
		select {
		case err := <-accepted:
			return err
		case <-time.After(liveLimit):
			return context.DeadlineExceeded
		}
	}
	alive := func() error {
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		defer peer.Close()
		go io.Copy(peer, peer) // ends with the session
		return wait()
	}
	return live{"bind", alive, func() error { return unended(wait()) }, l.Close}
}

func association(t *testing.T, d *client.Dialer, to echoes) live {
	t.Helper()
	pc, err := d.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	target, err := net.ResolveUDPAddr("udp", to.udp)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	alive := func() error {
		pc.SetDeadline(time.Now().Add(liveLimit))
		if _, err := pc.WriteTo([]byte("ping"), target); err != nil {
			return err
		}
		n, _, err := pc.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "ping" {
			return fmt.Errorf("got %q back, %w", buf[:n], err)
		}
		return nil
	}
	if err := alive(); err != nil {
		t.Fatal(err)
	}
	ended := func() error {
		pc.SetReadDeadline(time.Now().Add(liveLimit))
		_, _, err := pc.ReadFrom(buf)
		return unended(err)
	}
	return live{"udp", alive, ended, pc.Close}
}
