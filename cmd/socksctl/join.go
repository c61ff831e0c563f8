package main

import (
	"io"
	"net"

	"github.com/socksctl/socksctl/internal/relay"
)

// join moves stdin to c and c to stdout until the far end has ended, and closes
// c. The end of stdin is handed on as a half-close.
func join(s streams, c net.Conn) error {
	defer c.Close()
	go send(c, s.in) // ends with stdin or c; one that waits for stdin ends with the process
	_, err := io.Copy(s.out, c)
	return err
}

// send moves all of in to c. A failure to read is no end of the data: the far
// end sees a failure too. A failure to write is seen by the reader of c.
func send(c net.Conn, in io.Reader) {
	from := &faults{Reader: in}
	if _, err := io.Copy(c, from); err == nil {
		err = relay.CloseWrite(c)
		_ = err // the reader of c sees the same
	}
	if from.err != nil {
		relay.Abort(c)
	}
}

// faults remembers how reading failed.
type faults struct {
	io.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
