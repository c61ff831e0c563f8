package forwarder_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
)

const srvName = "_socks._tcp.fleet.test."

// zone is a name server in memory that knows the records of srvName.
type zone struct {
	mu      sync.Mutex
	records []dnsmessage.SRVResource
	fails   bool
	asked   int
}

// target returns a record.
func target(name string, port, priority, weight uint16) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Target: dnsmessage.MustNewName(name), Port: port, Priority: priority, Weight: weight}
}

func (z *zone) set(records ...dnsmessage.SRVResource) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records, z.fails = records, false
}

func (z *zone) fail() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.fails = true
}

func (z *zone) count() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked
}

// resolver asks z. What is no PacketConn is asked as over TCP, with a length
// before each message.
func (z *zone) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { // ends when near is closed
			defer far.Close()
			for z.answerOne(far) == nil {
			}
		}()
		return near, nil
	}}
}

func (z *zone) answerOne(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, query); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return err
	}
	answer, err := z.answer(&m).Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

func (z *zone) answer(m *dnsmessage.Message) *dnsmessage.Message {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	q := m.Questions[0]
	if z.fails || q.Name.String() != srvName || q.Type != dnsmessage.TypeSRV {
		m.RCode = dnsmessage.RCodeNameError
		return m
	}
	for _, r := range z.records {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 30}, Body: &r,
		})
	}
	return m
}

// inTime runs a test with a clock of its own. What package net keeps of the
// system's configuration is made before: it is shared with other tests.
func inTime(t *testing.T, test func(t *testing.T)) {
	z := new(zone)
	z.set(target("a.fleet.test.", 1443, 0, 0))
	if _, all, err := z.resolver().LookupSRV(t.Context(), "", "", srvName); err != nil || len(all) != 1 {
		t.Fatalf("got %d records, %v", len(all), err)
	}
	synctest.Test(t, test)
}

// followed is Servers that follow z, whose targets are nodes.
type followed struct {
	*forwarder.Servers
	*zone
	nodes map[string]*node
	log   *logged
}

func follow(t *testing.T, z *zone, names string) *followed {
	f := &followed{forwarder.NewServers(), z, make(map[string]*node), new(logged)}
	for _, name := range strings.Split(names, "") {
		f.nodes[name+".fleet.test:1443"] = newNode(name)
	}
	f.Log, f.CheckEvery = newLog(f.log), -1
	f.SRV = &forwarder.SRV{Name: srvName, Resolver: z.resolver(), Dialer: func(host string, port uint16) *client.Dialer {
		at := fmt.Sprintf("%s:%d", host, port)
		return &client.Dialer{Address: at, Forward: f.nodes[at]}
	}}
	run(t, f.Servers)
	synctest.Wait()
	return f
}

// urls returns the servers as they are known.
func (f *followed) urls() string {
	var names []string
	for _, s := range f.Status() {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(s.Server, "socks5://"), ".fleet.test:1443"))
	}
	return strings.Join(names, " ")
}

// asked returns how many requests a node got.
func (f *followed) asked(name string) int {
	_, _, asked := f.nodes[name+".fleet.test:1443"].counts()
	return asked
}

// Priority comes first; of the same priority each target has its share of the
// requests by weight.
func TestSRVPriorityAndWeight(t *testing.T) {
	inTime(t, func(t *testing.T) {
		z := new(zone)
		z.set(target("c.fleet.test.", 1443, 20, 1), target("a.fleet.test.", 1443, 10, 90),
			target("d.fleet.test.", 1443, 10, 0), target("b.fleet.test.", 1443, 10, 10))
		f := follow(t, z, "abcd")
		if got := f.urls(); got != "a b d c" {
			t.Fatalf("got %s, want a b d c", got)
		}
		const requests = 1000
		for range requests {
			if err := dial(t, f.Servers); err != nil {
				t.Fatal(err)
			}
		}
		a, b, c, d := f.asked("a"), f.asked("b"), f.asked("c"), f.asked("d")
		if a < 850 || b < 50 || a+b+d != requests || c != 0 || d > 10 {
			t.Errorf("requests: got %d, %d, %d, %d, want about 900, 100, 0, 0", a, b, c, d)
		}
		for _, name := range []string{"a", "b", "d"} {
			f.nodes[name+".fleet.test:1443"].become(refusing)
		}
		if err := dial(t, f.Servers); err != nil || f.asked("c") != 1 {
			t.Errorf("got %v, want the next priority", err)
		}
	})
}

// What DNS says is followed, and what it does not say leaves things as they are.
// Each change is one line.
func TestSRVIsFollowed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		z := new(zone)
		z.set(target("a.fleet.test.", 1443, 0, 0))
		f := follow(t, z, "abc")
		z.set(target("b.fleet.test.", 1443, 0, 0), target("c.fleet.test.", 1443, 0, 0))
		if got := f.urls(); got != "a" {
			t.Errorf("got %s, want a until the next look-up", got)
		}
		time.Sleep(40 * time.Second)
		if got := f.urls(); got != "b c" {
			t.Errorf("got %s, want b and c", got)
		}
		z.fail()
		time.Sleep(10 * time.Minute)
		if got := f.urls(); got != "b c" || z.count() < 15 {
			t.Errorf("got %s after %d queries, want b and c", got, z.count())
		}
		if n := f.log.count("cannot be looked up"); n != 1 || f.log.count("\n") != 1 {
			t.Errorf("%d lines of failures of %d, want one", n, f.log.count("\n"))
		}
		z.set(target("a.fleet.test.", 1443, 0, 0))
		time.Sleep(40 * time.Second)
		if got := f.urls(); got != "a" || f.log.count("found again") != 1 {
			t.Errorf("got %s, %d lines of success", got, f.log.count("found again"))
		}
		z.set(target(".", 0, 0, 0)) // decidedly not available
		time.Sleep(40 * time.Second)
		if got := f.urls(); got != "" {
			t.Errorf("got %s, want none", got)
		}
	})
}

// What is asked before the first look-up waits for its end.
func TestSRVFirstLookUp(t *testing.T) {
	inTime(t, func(t *testing.T) {
		z := new(zone)
		z.set(target("a.fleet.test.", 1443, 0, 0))
		s := forwarder.NewServers()
		s.SRV = &forwarder.SRV{Name: srvName, Resolver: z.resolver(), Dialer: func(string, uint16) *client.Dialer {
			return newNode("a").dialer()
		}}
		begin := time.Now()
		if err := dial(t, s); !errors.Is(err, forwarder.ErrNoServer) || time.Since(begin) != client.DefaultTimeout {
			t.Errorf("nobody looks: got %v after %v, want ErrNoServer after %v", err, time.Since(begin), client.DefaultTimeout)
		}
		asked := make(chan error)
		go func() { asked <- dial(t, s) }() // ends once it is answered
		synctest.Wait()
		run(t, s)
		if err := <-asked; err != nil {
			t.Error(err)
		}
	})
}

// Where nothing is found the reason is told, and the next look-up is soon.
func TestSRVFoundLate(t *testing.T) {
	inTime(t, func(t *testing.T) {
		z := new(zone)
		z.fail()
		f := follow(t, z, "a")
		if err := dial(t, f.Servers); err == nil || !strings.Contains(err.Error(), "no such host") {
			t.Errorf("got %v, want that there is no such host", err)
		}
		z.set(target("a.fleet.test.", 1443, 0, 0))
		time.Sleep(3 * time.Second)
		if err := dial(t, f.Servers); err != nil {
			t.Error(err)
		}
	})
}
