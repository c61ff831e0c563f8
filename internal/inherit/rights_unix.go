//go:build unix

package inherit

import (
	"bytes"
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported tells whether this system hands descriptors over.
const Supported = true

// maxFiles is how many descriptors a message could bring: one is wanted, and the
// rest are there to be closed.
const maxFiles = 8

// sendWith sends line with a descriptor.
func sendWith(c *net.UnixConn, line []byte, fd int) error {
	_, _, err := c.WriteMsgUnix(line, unix.UnixRights(fd), nil)
	return err
}

// receive reads a message, and the descriptors that came with it.
func receive(c *net.UnixConn) (message, []*os.File, error) {
	var line []byte
	var files []*os.File
	buf, oob := make([]byte, maxLine), make([]byte, unix.CmsgSpace(4*maxFiles))
	for !bytes.HasSuffix(line, []byte("\n")) {
		n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
		more, rightsErr := rights(oob[:oobn])
		files = append(files, more...)
		if line = append(line, buf[:n]...); n == 0 && err == nil || len(line) > maxLine {
			err = errProtocol
		}
		if err := errors.Join(unexpectedEnd(err), rightsErr); err != nil {
			return message{}, files, err
		}
	}
	m, err := parse(line)
	return m, files, err
}

// rights returns the descriptors in oob.
func rights(oob []byte) (files []*os.File, err error) {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		fds, err := unix.ParseUnixRights(&one)
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "listener"))
		}
	}
	return files, nil
}

// listens refuses a socket that is none to accept on.
func listens(l net.Listener) error {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var on int
	ctlErr := raw.Control(func(fd uintptr) { on, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN) })
	if err := errors.Join(ctlErr, err); err != nil {
		return err
	}
	if on == 0 {
		return errors.New("a connection, not a socket that listens: Accept=no")
	}
	return nil
}
