package sockstest

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"
)

// Soak returns the statement that 10,000 datagrams of 0 to 65,497 bytes arrive
// whole, or are counted as dropped.
func Soak() []Statement {
	return []Statement{{"64_UDP_soak", udpSoak, func(m Mode) bool {
		return m == Mode{Plain, 0, false} || m == Mode{TLS13, 0, true} ||
			m == Mode{MutualTLS, 1, false} || m == Mode{TLS12, 1, true} || m == Mode{TLS13, 2, false}
	}}}
}

const (
	soakCount  = 10_000
	soakWindow = 96 << 10 // bytes under way: more, and the system drops, and counts nothing
)

// soakSize returns the size of datagram i: each from 0 to the largest is as
// likely, and both ends occur.
func soakSize(i int) int {
	if i%1000 == 999 {
		return 65_497
	}
	return i * 7919 % 65_498
}

// soakData returns datagram i, which begins with its number if that fits.
func soakData(base []byte, i int) []byte {
	d := bytes.Clone(base[i%997:][:soakSize(i)])
	if len(d) >= 4 {
		binary.BigEndian.PutUint32(d, uint32(i))
	}
	return d
}

func udpSoak(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	s := &soak{association: a, base: pattern(1<<17, 64), header: datagram(at(e.addr), nil)}
	for i := range soakCount {
		s.raw(append(bytes.Clone(s.header), soakData(s.base, i)...))
		s.under += soakSize(i)
		s.sent++
		for s.under > soakWindow {
			s.receive()
		}
	}
	for s.next < s.sent {
		s.receive()
	}
	t.Logf("%d sent, %d came back whole, dropped: %v", s.sent, s.came, a.ep.Drops())
	if lost := int64(s.sent - s.came); lost != s.dropped() {
		t.Errorf("%d datagrams did not come back, and %d were counted as dropped", lost, s.dropped())
	}
}

// soak is the state of a run: next is the first datagram not accounted for.
type soak struct {
	*association
	base, header     []byte
	sent, next, came int
	under            int
	buf              [1 << 16]byte
}

// receive reads one datagram and checks it against those that are due. When all
// that did not come are counted as dropped, it waits for none.
func (s *soak) receive() {
	s.t.Helper()
	n, err := 0, error(os.ErrDeadlineExceeded)
	for end := time.Now().Add(hang); timedOut(err) && time.Now().Before(end); {
		s.udp.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _, err = s.udp.ReadFromUDPAddrPort(s.buf[:])
		if timedOut(err) && int64(s.sent-s.came) == s.dropped() {
			s.next, s.under = s.sent, 0
			return
		}
	}
	if err != nil {
		s.t.Fatalf("%v, with %d of %d datagrams back, dropped: %v", err, s.came, s.sent, s.ep.Drops())
	}
	for s.next < s.sent {
		i := s.next
		s.next++
		s.under -= soakSize(i)
		if bytes.Equal(s.buf[:n], append(bytes.Clone(s.header), soakData(s.base, i)...)) {
			s.came++
			return
		}
	}
	s.t.Fatalf("got %s, which is none of the datagrams that are due", brief(s.buf[:n]))
}

// dropped returns how many drops are counted, for all reasons.
func (s *soak) dropped() (n int64) {
	for _, of := range s.ep.Drops() {
		n += of
	}
	return n
}
