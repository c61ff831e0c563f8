package inherit

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Handover is the side of the process that serves.
type Handover struct {
	c  *net.UnixConn
	in *bufio.Reader
}

// NewHandover hands over on c. The caller closes the Handover.
func NewHandover(c *net.UnixConn) *Handover {
	_ = c.SetWriteDeadline(time.Time{}) // what cannot be set fails the first read
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return &Handover{c, bufio.NewReaderSize(c, maxLine)}
}

// Close ends it. Without Done before, the process serves on.
func (h *Handover) Close() { h.c.Close() }

// Done tells that this process stops accepting. With an error it had better not:
// the other one is gone.
func (h *Handover) Done() error {
	_, err := h.c.Write(message{Done: true}.line())
	return err
}

// Refuse tells that this process serves on, and why.
func (h *Handover) Refuse(reason error) {
	_, _ = h.c.Write(message{Error: reason.Error()}.line()) // who does not hear it finds the end of the connection
}

// Offer hands out listeners, and returns which of them the other process serves
// now: the caller says Done, and stops accepting.
func (h *Handover) Offer(all []Listener) (taken []Listener, err error) {
	for _, l := range all {
		if _, err := h.hear(func(m message) bool { return m.Next }); err != nil {
			return nil, err
		}
		if err := h.give(l); err != nil {
			return nil, err
		}
	}
	if _, err := h.hear(func(m message) bool { return m.Next }); err != nil {
		return nil, err
	}
	if _, err := h.c.Write(message{Last: true}.line()); err != nil {
		return nil, err
	}
	m, err := h.hear(func(m message) bool { return m.Serves })
	if err != nil {
		return nil, err
	}
	for _, i := range m.Serving {
		if i < 0 || i >= len(all) {
			return nil, errProtocol
		}
		taken = append(taken, all[i])
	}
	return taken, nil
}

// hear reads a message, which has to be a certain one.
func (h *Handover) hear(is func(message) bool) (message, error) {
	line, err := h.in.ReadSlice('\n')
	if err != nil {
		return message{}, unexpectedEnd(err)
	}
	m, err := parse(line)
	if err == nil && !is(m) {
		err = errProtocol
	}
	return m, err
}

// give sends a listener: its descriptor goes with the message of it.
func (h *Handover) give(l Listener) error {
	holder, ok := l.Listener.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%s has no descriptor: %w", l.Addr(), errors.ErrUnsupported)
	}
	raw, err := holder.SyscallConn()
	if err != nil {
		return err
	}
	line := message{Kind: l.Kind, Asked: l.Asked, Passed: l.Passed}.line()
	return errors.Join(raw.Control(func(fd uintptr) { err = sendWith(h.c, line, int(fd)) }), err)
}
