package traffic

import (
	"net"
	"sync"
)

// Echo sends datagrams back.
type Echo struct {
	socket  *segmented
	running sync.WaitGroup
}

// NewEcho listens on loopback and serves until Close.
func NewEcho() (*Echo, error) {
	s, err := segment(net.IPv4(127, 0, 0, 1))
	if err != nil {
		return nil, err
	}
	e := &Echo{socket: s}
	e.running.Go(e.serve) // ends with the socket
	return e, nil
}

// Addr is where it listens.
func (e *Echo) Addr() string { return e.socket.LocalAddr().String() }

// Close ends it.
func (e *Echo) Close() {
	e.socket.Close()
	e.running.Wait()
}

func (e *Echo) serve() {
	for b := make([]byte, 1<<16); ; {
		n, size, from, err := e.socket.receive(b)
		if err != nil {
			return
		}
		_ = e.socket.send(b[:n], size, from) // an app that is gone
	}
}
