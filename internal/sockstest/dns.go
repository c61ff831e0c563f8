package sockstest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server. It knows the names it was given, and answers
// SERVFAIL for fail.test, nothing for silent.test, what begins with "slow" only
// once it is released, and what begins with "turning" with another of its addresses
// each time; any other name does not exist.
type names struct {
	addr    string
	known   map[string][]netip.Addr
	release chan struct{}

	turns             atomic.Int64 // answers for names that begin with "turning", which tell one address each
	queries           atomic.Int64
	waiting, mostWait atomic.Int64 // slow queries held back, at once
}

// noNames starts a name server that knows no name.
func noNames(t testing.TB) *names { return startNames(t, nil) }

func startNames(t testing.TB, known map[string][]netip.Addr) *names {
	t.Helper()
	conn := udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	n := &names{addr: conn.LocalAddr().String(), known: known, release: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() { // ends when conn is closed
		buf := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			query := append([]byte(nil), buf[:size]...)
			running.Go(func() { n.answer(conn, query, from) }) // ends when released
		}
	})
	t.Cleanup(func() {
		conn.Close()
		n.free()
		running.Wait()
	})
	return n
}

// asked returns how many queries came so far.
func (n *names) asked() int64 { return n.queries.Load() }

// free answers what was held back, now and from now on.
func (n *names) free() {
	select {
	case <-n.release:
	default:
		close(n.release)
	}
}

func (n *names) answer(conn *net.UDPConn, query []byte, from netip.AddrPort) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return
	}
	question, err := p.Question()
	if err != nil {
		return
	}
	n.queries.Add(1)
	name := strings.TrimSuffix(strings.ToLower(question.Name.String()), ".")
	if strings.HasPrefix(name, "silent.") {
		return
	}
	if strings.HasPrefix(name, "slow") {
		n.hold()
	}
	header = dnsmessage.Header{ID: header.ID, Response: true, RecursionAvailable: true}
	addrs, known := n.known[name]
	switch {
	case name == "fail.test":
		header.RCode = dnsmessage.RCodeServerFailure
	case !known:
		header.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, header)
	b.StartQuestions()
	b.Question(question)
	b.StartAnswers()
	if strings.HasPrefix(name, "turning") {
		addrs = addrs[int(n.turns.Add(1))%len(addrs):][:1]
	}
	for _, addr := range addrs {
		record := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
		switch {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			b.AResource(record, dnsmessage.AResource{A: addr.As4()})
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			b.AAAAResource(record, dnsmessage.AAAAResource{AAAA: addr.As16()})
		}
	}
	if reply, err := b.Finish(); err == nil {
		conn.WriteToUDPAddrPort(reply, from)
	}
}

// hold waits for the release, and counts who waits.
func (n *names) hold() {
	now := n.waiting.Add(1)
	for most := n.mostWait.Load(); now > most && !n.mostWait.CompareAndSwap(most, now); most = n.mostWait.Load() {
	}
	<-n.release
	n.waiting.Add(-1)
}
