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

	mu       sync.Mutex
	sent     int
	last     time.Time // when one was sent
	allSent  bool
	received int
}

// run sends what payloads yields and prints the answers.
func (x *exchange) run(s streams, payloads iter.Seq2[[]byte, error]) error {
	failed := make(chan error, 1)
	go func() { failed <- x.send(payloads) }() // ends with payloads, or with the process
	err := x.receive()
	select {
	case sendErr := <-failed:
		err = errors.Join(sendErr, err)
	default: // it waits for input, and receive says what ended
	}
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent > 0 && x.received == 0 {
		return fmt.Errorf("no answer from %s within %v (%d sent)", x.to, x.timeout, x.sent)
	}
	if x.received < x.sent {
		s.talk("%d sent, %d answered", x.sent, x.received)
	}
	return nil
}

// send sends everything, and then bounds how long receive waits.
func (x *exchange) send(payloads iter.Seq2[[]byte, error]) (err error) {
	defer func() { x.allSentNow(err) }()
	for data, err := range payloads {
		if err != nil {
			return err
		}
		if len(data) > maxPayload {
			return fmt.Errorf("a datagram of %d bytes is too long: %d fit", len(data), maxPayload)
		}
		x.mu.Lock()
		x.sent, x.last = x.sent+1, time.Now()
		x.mu.Unlock()
		if _, err := x.pc.WriteTo(data, x.to); err != nil {
			return err
		}
	}
	return nil
}

func (x *exchange) allSentNow(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.allSent = true
	wait := x.timeout
	if err != nil || x.received >= x.sent {
		wait = 0
	}
	_ = x.pc.SetReadDeadline(time.Now().Add(wait)) // fails only when receive has ended
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
