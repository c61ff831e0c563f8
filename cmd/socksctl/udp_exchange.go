package main

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"sync"
	"time"
)

// exchange sends datagrams and takes answers at the same time.
type exchange struct {
	pc      net.PacketConn
	to      net.Addr
	timeout time.Duration // from the last datagram, sent or received
	print   func(answer) error
	of      int // datagrams there will be; 0 while nobody knows

	progress *progress

	mu       sync.Mutex
	sent     int
	last     time.Time // when one was sent
	allSent  bool
	sendErr  error // why not all was sent
	received int
}

// run sends what payloads yields and prints the answers.
func (x *exchange) run(s streams, payloads iter.Seq2[[]byte, error]) error {
	go x.send(payloads) // ends with payloads, or with the process
	err := x.receive()
	x.progress.clear()
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.sendErr != nil:
		return x.sendErr
	case err != nil:
		return err
	case x.sent > 0 && x.received == 0:
		return fmt.Errorf("no answer from %s within %v (%d sent)", x.to, x.timeout, x.sent)
	case x.received < x.sent:
		s.talk("%d sent, %d answered", x.sent, x.received)
	}
	return nil
}

// send sends everything, and then bounds how long receive waits.
func (x *exchange) send(payloads iter.Seq2[[]byte, error]) {
	var err error
	for data, readErr := range payloads {
		if err = readErr; err == nil {
			err = x.sendOne(data)
		}
		if err != nil {
			break
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.allSent, x.sendErr = true, err
	wait := x.timeout
	if err != nil || x.received >= x.sent {
		wait = 0
	}
	_ = x.pc.SetReadDeadline(time.Now().Add(wait)) // fails only when receive has ended
}

func (x *exchange) sendOne(data []byte) error {
	if len(data) > maxPayload {
		return fmt.Errorf("a datagram of %d bytes is too long: %d fit", len(data), maxPayload)
	}
	x.mu.Lock()
	x.sent, x.last = x.sent+1, time.Now()
	x.showProgress()
	x.mu.Unlock()
	_, err := x.pc.WriteTo(data, x.to)
	return err
}

// showProgress is called with mu held.
func (x *exchange) showProgress() {
	of := ""
	if x.of > 0 {
		of = fmt.Sprintf(" of %d", x.of)
	}
	x.progress.show("%d%s sent, %d answered", x.sent, of, x.received)
}

// receive prints answers until there is one for each datagram, or the time is
// over.
func (x *exchange) receive() error {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := x.pc.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		a, done := x.take(buf[:n], from)
		x.progress.clear()
		if err := x.print(a); err != nil || done {
			return err
		}
	}
}

// take counts an answer and tells whether it was the last to wait for.
func (x *exchange) take(data []byte, from net.Addr) (a answer, done bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.received++
	now := time.Now()
	if x.allSent {
		_ = x.pc.SetReadDeadline(now.Add(x.timeout)) // fails only when the next read does
	}
	return answer{from.String(), now.Sub(x.last), data}, x.allSent && x.received >= x.sent
}
