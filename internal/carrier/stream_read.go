package carrier

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/socksctl/socksctl/internal/socks5"
)

// inStream is a buffer for frames on their way in: the longest one and what
// came with it.
type inStream [96 << 10]byte

var inStreams = sync.Pool{New: func() any { return new(inStream) }}

// frameReader splits a stream into datagrams. Between frames it holds no buffer:
// it waits with the few bytes that every frame begins with, and takes a buffer
// when they are there. What is in the buffer lies in buf[from:to].
type frameReader struct {
	r       io.Reader
	command socks5.Command
	drop    DropFunc
	hosts   socks5.Hosts

	head     [frameStart]byte
	headLen  int
	buf      *inStream // nil between frames
	from, to int
	err      error // what ended the stream
}

// read fills ds with the datagrams that are there and waits when there is none.
// Any error but a deadline's is final.
func (f *frameReader) read(ds []Datagram) (int, error) {
	for f.err == nil {
		n, err := f.parse(ds)
		if n > 0 {
			return n, nil // an error of parse is met again by the next read
		}
		if err == nil || errors.Is(err, socks5.ErrShort) {
			err = f.fill()
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case err != nil:
			f.release()
			f.err = err
		}
	}
	return 0, f.err
}

// parse takes whole frames out of the buffer until ds is full. The error is
// that of the frame it stopped at.
func (f *frameReader) parse(ds []Datagram) (n int, err error) {
	for n < len(ds) && f.buf != nil {
		b := f.buf[f.from:f.to]
		head, frame, err := frameLen(f.command, b)
		if err != nil {
			return n, err
		}
		if len(b) < frame {
			break
		}
		f.from += frame
		addr, used, err := f.hosts.DecodeAddr(b[3:head])
		if err != nil || used != head-3 || !addr.Valid() {
			f.drop.Count(DropMalformed)
			continue
		}
		ds[n] = Datagram{Addr: addr, Data: b[head:frame]}
		n++
	}
	return n, nil
}

// fill reads more: the first bytes of a frame into head, the rest into the
// buffer.
func (f *frameReader) fill() error {
	f.settle()
	if f.buf == nil {
		n, err := io.ReadFull(f.r, f.head[f.headLen:])
		f.headLen += n
		if err != nil {
			return midFrame(err, f.headLen > 0)
		}
		f.buf = inStreams.Get().(*inStream)
		f.from, f.to = 0, copy(f.buf[:], f.head[:])
		f.headLen = 0
		if _, _, err := frameLen(f.command, f.head[:]); err != nil {
			return err
		}
	}
	n, err := f.r.Read(f.buf[f.to:])
	f.to += n
	if n > 0 {
		return nil // an error comes again with the next read
	}
	return midFrame(err, true)
}

// settle makes room for a frame that is not whole yet, or gives the buffer back
// when less than the head of one is in it.
func (f *frameReader) settle() {
	if f.buf == nil {
		return
	}
	switch {
	case f.to-f.from < frameStart:
		f.headLen = copy(f.head[:], f.buf[f.from:f.to])
		f.release()
	case len(f.buf)-f.from < maxFrame:
		f.to = copy(f.buf[:], f.buf[f.from:f.to])
		f.from = 0
	}
}

// midFrame turns an EOF inside a frame into io.ErrUnexpectedEOF.
func midFrame(err error, inside bool) error {
	if inside && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// release gives the buffer back.
func (f *frameReader) release() {
	if f.buf != nil {
		inStreams.Put(f.buf)
		f.buf = nil
	}
}
