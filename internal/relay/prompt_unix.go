//go:build unix

package relay

import (
	"crypto/tls"
	"net"
)

// prompt is a tls.Conn over a Raw that writes without waiting. One goroutine uses it
// at a time.
type prompt struct {
	*tls.Conn
	raw *Raw
	try func(fd uintptr) bool // attempt, made once, so that a call allocates nothing
	n   int                   // of the last attempt
}

// Prompt returns c with two methods more, if it is a tls.Conn over a [Raw] on a
// socket, and c itself if it is not:
//
//	WriteNow(b []byte) (all bool, err error)
//	Flush() error
//
// WriteNow writes b, which is at most one record long, as far as the system takes it
// without waiting. If that is not all, Flush is to write the rest, before anything
// else is written. What the system refuses Flush meets too, and tells.
func Prompt(c net.Conn) net.Conn {
	t, raw := overRaw(c)
	if raw == nil || raw.fd == nil {
		return c
	}
	p := &prompt{Conn: t, raw: raw}
	p.try = p.attempt
	return p
}

// WriteNow is described at Prompt.
func (p *prompt) WriteNow(b []byte) (all bool, err error) {
	p.raw.hold()
	if _, err := p.Conn.Write(b); err != nil {
		return false, err
	}
	r := p.raw
	r.mu.Lock()
	defer r.mu.Unlock()
	p.n = 0
	_ = r.fd.Write(p.try) // an error is one that Flush meets too, or the deadline of an earlier write
	if p.n < r.held {
		r.held = copy(r.records[:], r.records[p.n:r.held])
		return false, nil
	}
	r.sent()
	r.gather = false
	return true, nil
}

// attempt writes once, and never has its caller wait.
func (p *prompt) attempt(fd uintptr) bool {
	n, err := write(int(fd), p.raw.records[:p.raw.held])
	if err == nil {
		p.n = n
	}
	return true
}

// Flush is described at Prompt.
func (p *prompt) Flush() error { return p.raw.flush() }
