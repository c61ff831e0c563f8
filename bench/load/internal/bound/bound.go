// Package bound holds bare relays: what a proxy does, without any of SOCKS, rules
// or records. Each has one target that is fixed, and shows what is to be had.
package bound

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// Config is what a bound is started with.
type Config struct {
	Listen, Target string
	TLS            *tls.Config // what it shows to apps; nil where they speak plain
	TargetTLS      *tls.Config // what it uses towards the target; nil: plain
}

// Kinds are the names that Serve knows.
const (
	Copy   = "copy"   // io.Copy between the conns: splice where both are TCP
	Pooled = "pooled" // splice with a pipe that is taken only while bytes wait
	UDP    = "udp"    // datagrams, one receive and one send each
)

// Serve runs a bound until it fails.
func Serve(kind string, c Config) error {
	switch kind {
	case Copy:
		return serve(c, copyBoth)
	case Pooled:
		return serve(c, joiner())
	case UDP:
		return serveUDP(c)
	}
	return fmt.Errorf("no bound is called %q", kind)
}

// serve accepts connections, dials the target for each and joins the two.
func serve(c Config, join func(a, b net.Conn)) error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	if c.TLS != nil {
		l = tls.NewListener(l, c.TLS)
	}
	for {
		app, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { // ends when both ends have closed
			defer app.Close()
			origin, err := c.dial()
			if err != nil {
				fmt.Fprintln(os.Stderr, "bound:", err)
				return
			}
			defer origin.Close()
			join(app, origin)
		}()
	}
}

func (c Config) dial() (net.Conn, error) {
	if c.TargetTLS != nil {
		return tls.Dial("tcp", c.Target, c.TargetTLS)
	}
	return net.Dial("tcp", c.Target)
}

// copyBoth copies each way until it ends, and passes the end on.
func copyBoth(a, b net.Conn) {
	var back sync.WaitGroup
	back.Go(func() { // ends when b does
		_, err := io.Copy(a, b)
		finish(a, err)
	})
	_, err := io.Copy(b, a)
	finish(b, err)
	back.Wait()
}

// finish tells a conn that no more comes, and ends it after an error.
func finish(c net.Conn, err error) {
	if half, ok := c.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.Close()
	}
}
