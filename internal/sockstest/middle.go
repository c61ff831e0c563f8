package sockstest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// middle is someone on the way between forwarder and server: it passes bytes
// on, keeps a copy, and can end a direction as an attacker would.
type middle struct {
	t  testing.TB
	ln net.Listener

	mu       sync.Mutex
	server   string
	recorded [][]byte // one direction of one connection each
	conns    []*net.TCPConn
	cuts     [2][]func() // by direction: down, up
}

func newMiddle(t testing.TB) *middle {
	t.Helper()
	m := &middle{t: t}
	t.Cleanup(m.close)
	return m
}

// between is a [Config.Middle]. It listens on an address of the host's own.
func (m *middle) between(server string) string {
	m.t.Helper()
	host, _, _ := net.SplitHostPort(server)
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.server, m.ln = server, ln
	go m.serve() // ends when ln is closed
	return ln.Addr().String()
}

func (m *middle) serve() {
	for {
		in, err := m.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", m.server)
		if err != nil {
			in.Close()
			continue
		}
		m.pass(in.(*net.TCPConn), out.(*net.TCPConn), 1)
		m.pass(out.(*net.TCPConn), in.(*net.TCPConn), 0)
	}
}

// pass copies one direction until it ends or is cut.
func (m *middle) pass(from, to *net.TCPConn, direction int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := len(m.recorded)
	m.recorded = append(m.recorded, nil)
	m.conns = append(m.conns, from)
	m.cuts[direction] = append(m.cuts[direction], func() { to.CloseWrite() })
	go func() { // ends when either conn ends or is closed
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			m.mu.Lock()
			m.recorded[i] = append(m.recorded[i], buf[:n]...)
			m.mu.Unlock()
			if _, werr := to.Write(buf[:n]); werr != nil && err == nil {
				err = werr
			}
			if err == io.EOF {
				to.CloseWrite()
				return
			}
			if err != nil {
				for _, c := range []*net.TCPConn{from, to} {
					c.SetLinger(0)
					c.Close()
				}
				return
			}
		}
	}()
}

// cut puts a FIN at the end of every stream towards the server, or towards the
// forwarder.
func (m *middle) cut(up bool) {
	direction := 0
	if up {
		direction = 1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, cut := range m.cuts[direction] {
		cut()
	}
}

// streams returns what was recorded.
func (m *middle) streams() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([][]byte(nil), m.recorded...)
}

func (m *middle) close() {
	if m.ln != nil {
		m.ln.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.Close()
	}
}
