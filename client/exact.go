package client

import "io"

// certain is how many bytes of each message of a server must come when all goes
// well. The shortest reply carries an empty name.
const (
	certainMethod = 2
	certainLogin  = 2
	certainReply  = 3 + 4
)

// exactReader reads a server's messages in few system calls and never a byte
// past them: it asks for no more than what must still come. What follows the
// last message stays in the conn, whose owner may be a splice.
type exactReader struct {
	r       io.Reader
	certain int // bytes that must still come, beyond those in buf
	buf     []byte
	space   [certainMethod + certainLogin + certainReply]byte
}

// expect announces a message of which n bytes are certain.
func (e *exactReader) expect(n int) { e.certain += n }

// Read reads what was read ahead, or else from the conn.
func (e *exactReader) Read(p []byte) (int, error) {
	if len(e.buf) == 0 && len(p) < e.certain {
		n, err := e.r.Read(e.space[:min(e.certain, len(e.space))])
		e.certain -= n
		e.buf = e.space[:n]
		if n == 0 {
			return 0, err
		}
	}
	if len(e.buf) > 0 {
		n := copy(p, e.buf)
		e.buf = e.buf[n:]
		return n, nil
	}
	n, err := e.r.Read(p)
	e.certain -= min(n, e.certain)
	return n, err
}
