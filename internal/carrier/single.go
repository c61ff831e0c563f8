package carrier

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/socksctl/socksctl/internal/errno"
)

// single moves one datagram a call, on systems that can do no better.
type single struct {
	pc        *net.UDPConn
	raw       syscall.RawConn
	drop      DropFunc
	connected bool
	wait      readiness
	in        *singleBuffer // nil while nothing waits
	msg       [1]message
}

// singleBuffer takes the longest datagram, on the way in or with its header on
// the way out.
type singleBuffer [inBufferSize]byte

var singleBuffers = sync.Pool{New: func() any { return new(singleBuffer) }}

func newSingle(pc *net.UDPConn, drop DropFunc) (*single, error) {
	raw, err := pc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &single{pc: pc, raw: raw, drop: drop, connected: connected(pc)}
	s.wait.init()
	return s, nil
}

func (s *single) receive(int) ([]message, error) {
	if s.in != nil {
		singleBuffers.Put(s.in)
		s.in, s.msg[0] = nil, message{}
	}
	if err := s.raw.Read(s.wait.fn); err != nil {
		return nil, err
	}
	s.in = singleBuffers.Get().(*singleBuffer)
	n, from, err := s.pc.ReadFromUDPAddrPort(s.in[:])
	switch {
	case err == nil:
		s.msg[0] = message{peer: from, data: s.in[:n]}
		return s.msg[:], nil
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return nil, err
	}
	// What ICMP said of an earlier datagram ends nothing.
	return nil, nil
}

func (s *single) send(b *outBatch) error {
	defer func() { b.n = 0 }()
	for i := range b.n {
		err := s.sendOne(&b.msgs[i])
		if errno.Is(err, syscall.ECONNREFUSED) {
			err = s.sendOne(&b.msgs[i]) // it told of an earlier datagram
		}
		switch {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.drop.Count(dropFor(err))
		}
	}
	return nil
}

func (s *single) sendOne(m *message) (err error) {
	data := m.data
	if len(m.head) > 0 {
		buf := singleBuffers.Get().(*singleBuffer)
		defer singleBuffers.Put(buf)
		data = append(append(buf[:0], m.head...), m.data...)
	}
	if s.connected {
		_, err = s.pc.Write(data)
	} else {
		_, err = s.pc.WriteToUDPAddrPort(data, m.peer)
	}
	return err
}

// dropFor tells why a datagram that the system refused was dropped.
func dropFor(err error) Drop {
	switch {
	case errno.Is(err, syscall.EMSGSIZE):
		return DropTooLong
	case errno.Is(err, syscall.ENOBUFS):
		return DropFull
	}
	return DropUnsent
}
