package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// maxRecording is how much of one direction of one connection is kept: the
// demonstration needs far less, and what comes after it is not looked at.
const maxRecording = 1 << 20

// recording is all that passed a wiretap, by connection and direction.
type recording struct {
	mu      sync.Mutex
	streams []*bytes.Buffer
	over    bool
}

// end forgets everything and records nothing more.
func (r *recording) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams, r.over = nil, true
}

// stream returns a writer that records one more direction.
func (r *recording) stream() io.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return io.Discard
	}
	buf := new(bytes.Buffer)
	r.streams = append(r.streams, buf)
	return &recordingWriter{r, buf}
}

type recordingWriter struct {
	r   *recording
	buf *bytes.Buffer
}

func (w *recordingWriter) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	if !w.r.over && w.buf.Len() < maxRecording {
		w.buf.Write(b)
	}
	return len(b), nil
}

// summary says what was recorded: TLS records and nothing else, in which secret
// does not appear. Anything else is an error.
func (r *recording) summary(secret []byte) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	records, total := 0, 0
	for _, stream := range r.streams {
		b := stream.Bytes()
		if bytes.Contains(b, secret) {
			return "", fmt.Errorf("the payload %q crossed the wire in clear text", secret)
		}
		n, err := countRecords(b)
		if err != nil {
			return "", err
		}
		records, total = records+n, total+len(b)
	}
	if records == 0 {
		return "", fmt.Errorf("nothing crossed the wire")
	}
	r.streams = nil
	return fmt.Sprintf("%d TLS records, %d bytes, and %q is not among them", records, total, secret), nil
}

// countRecords counts the TLS records of b (RFC 8446, section 5.1), of which the
// last may be cut off.
func countRecords(b []byte) (n int, err error) {
	for len(b) >= 5 {
		if b[0] < 20 || b[0] > 23 || b[1] != 3 {
			return 0, fmt.Errorf("not a TLS record on the wire: % x", b[:5])
		}
		length := 5 + int(binary.BigEndian.Uint16(b[3:]))
		b = b[min(length, len(b)):]
		n++
	}
	return n, nil
}
