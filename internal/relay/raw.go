package relay

import (
	"io"
	"net"
)

// Raw is the conn under a tls.Conn, at either end.
type Raw struct {
	net.Conn
}

// NewRaw returns a Raw over c.
func NewRaw(c net.Conn) *Raw { return &Raw{c} }

// NetConn returns the conn that r is over.
func (r *Raw) NetConn() net.Conn { return r.Conn }

// Read reads from the conn. Its end is [ErrTruncated]: crypto/tls does not read
// again once it has close_notify.
func (r *Raw) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err == io.EOF {
		err = ErrTruncated
	}
	return n, err
}
