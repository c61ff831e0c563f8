package audit

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// sink is where lines go. Its methods are called one at a time.
type sink interface {
	write(e Event, line []byte) error
	reopen() error
	close() error
}

// open returns the sink of a place.
func open(place, node string) (sink, error) {
	if place == "-" {
		return stream{os.Stdout}, nil
	}
	if address, ok := strings.CutPrefix(place, "syslog:"); ok {
		return newSyslog(address, node)
	}
	f := &file{path: place}
	return f, f.reopen()
}

// stream is a sink that is somebody else's.
type stream struct{ to io.Writer }

func (s stream) write(_ Event, line []byte) error {
	_, err := s.to.Write(append(line, '\n'))
	return err
}

func (stream) reopen() error { return nil }
func (stream) close() error  { return nil }

// file is a file that is appended to.
type file struct {
	path string
	f    *os.File
}

// write writes the line whole or, where the system takes a part, says so.
func (f *file) write(_ Event, line []byte) error {
	_, err := f.f.Write(append(line, '\n'))
	return err
}

// reopen leaves the open file as it is when the path cannot be opened.
func (f *file) reopen() error {
	opened, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	old := f.f
	f.f = opened
	if old == nil {
		return nil
	}
	if err := old.Close(); err != nil {
		return fmt.Errorf("close the file of before: %w", err)
	}
	return nil
}

func (f *file) close() error { return f.f.Close() }
