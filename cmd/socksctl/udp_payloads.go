package main

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"time"
)

// maxPayload is the largest datagram that an app can send through SOCKS.
const maxPayload = 65497

// payloads yields what to send, at the time to send it; an error is the last.
func (o udpSend) payloads(in io.Reader, data []string, counted bool) iter.Seq2[[]byte, error] {
	if len(data) == 0 && !counted {
		return lines(in)
	}
	return func(yield func([]byte, error) bool) {
		for i := range o.count {
			if i > 0 {
				time.Sleep(o.interval)
			}
			text := fmt.Sprintf("socksctl %d", i+1)
			if len(data) > 0 {
				text = data[0]
			}
			if !yield([]byte(text), nil) {
				return
			}
		}
	}
}

// lines yields each line of in without its end.
func lines(in io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, maxPayload+2)
		for scanner.Scan() {
			if !yield(scanner.Bytes(), nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield(nil, fmt.Errorf("read stdin: %w", err))
		}
	}
}
