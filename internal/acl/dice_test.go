package acl_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// dice makes choices from bytes, and the first choice when they are all used.
type dice struct{ bytes []byte }

func (d *dice) roll(sides int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	n := int(d.bytes[0]) % sides
	d.bytes = d.bytes[1:]
	return n
}

func pick[T any](d *dice, of ...T) T { return of[d.roll(len(of))] }

// some picks up to two, or none at all.
func some[T any](d *dice, of ...T) []T {
	switch d.roll(4) {
	case 0, 1:
		return nil
	case 2:
		return []T{pick(d, of...)}
	}
	return []T{pick(d, of...), pick(d, of...)}
}

// rules makes up a rule file. Subjects without a rule are not in it.
func (d *dice) rules() *modelRules {
	m := &modelRules{allowed: d.roll(2) == 1, memberOf: make(map[string][]string)}
	subjects := []string{"group g", "group h", "user *", "user alice"}
	for i := range subjects {
		j := i + d.roll(len(subjects)-i)
		subjects[i], subjects[j] = subjects[j], subjects[i]
	}
	for _, subject := range subjects {
		for i := range d.roll(4) {
			m.rules = append(m.rules, d.rule(subject, i+1))
		}
	}
	for _, user := range []string{"*", "alice"} {
		if slices.ContainsFunc(m.rules, func(r modelRule) bool { return r.subject == "user "+user }) {
			m.memberOf[user] = some(d, "g", "h", "nowhere")
		}
	}
	return m
}

func (d *dice) rule(subject string, n int) modelRule {
	r := modelRule{
		subject: subject, place: fmt.Sprintf("%s, rule %d", subject, n), block: d.roll(3) == 0, priority: d.roll(3) - 1,
		destinations: some(d, "*", "a.test", "b.a.test", "*.test", "*.a.test", "**.a.test", "b*.a.test", "*b.*.test", "a.t*t", "8.8.8.8/32", "8.0.0.0/8",
			"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "169.254.169.254/32", "::/0", "2001:db8::/32", "fc00::/7", "2002::/16", "fd00:ec2::254/128", "0.0.0.0/8"),
		ports:   some(d, [2]uint16{80, 80}, [2]uint16{0, 65535}, [2]uint16{100, 200}, [2]uint16{0, 0}),
		sources: some(d, "192.0.2.0/24", "198.51.100.0/24", "::/0", "0.0.0.0/0"),
	}
	if d.roll(2) == 0 {
		r.protocols = some(d, "tcp", "udp")
	} else {
		r.commands = some(d, "connect", "bind", "udp")
	}
	return r
}

// query makes up a question, and spells it in one of several ways.
func (d *dice) query() modelQuery {
	var q modelQuery
	q.User = pick(d, "alice", "", "bob", "*")
	q.Groups = some(d, "g", "h")
	q.Command = pick(d, "connect", "bind", "udp")
	q.Stage = pick(d, server.StageRequest, server.StageDial, server.StagePeer, server.StageDatagram, server.StageAnswer)
	q.Source = pick(d, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("203.0.113.1"), netip.Addr{}, netip.MustParseAddr("2001:db8::7"))
	port := pick[uint16](d, 80, 0, 150, 65535)
	if d.roll(2) == 0 {
		q.name = pick(d, "a.test", "b.a.test", "c.b.a.test", "test", "bb.a.test", "a.tt", "xb.y.test", "other.example")
		q.Host = pick(d, func(s string) string { return s }, upper, dotted, wide)(q.name)
	}
	if q.name == "" || d.roll(2) == 0 {
		q.addr = pick(d, addrs("8.8.8.8 8.8.9.9 10.1.2.3 10.2.0.1 127.0.0.1 169.254.169.254 169.254.1.1 0.0.0.0 :: ::1 2001:db8::1 fd00::1 fd00:ec2::254 2002:808:808:: ff02::1 100.64.0.1 255.255.255.255")...)
		q.Addr = netip.AddrPortFrom(pick(d, func(a netip.Addr) netip.Addr { return a }, mapped, behindNAT64)(q.addr), port)
	}
	q.Addr = netip.AddrPortFrom(q.Addr.Addr(), port)
	if q.name == "" && d.roll(3) == 0 { // as a name
		q.Host, q.Addr = q.addr.String(), netip.AddrPortFrom(netip.Addr{}, port)
	}
	return q
}

func upper(s string) string  { return string([]byte{s[0] - 'a' + 'A'}) + s[1:] }
func dotted(s string) string { return s + "." }
func wide(s string) string   { return string(rune(s[0])-'a'+'ａ') + s[1:] }

func mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

func behindNAT64(a netip.Addr) netip.Addr {
	if a.Is6() {
		return a
	}
	four := a.As4()
	return netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: four[0], four[1], four[2], four[3]})
}

// agree compares the decisions of a file that data makes up with the model's.
func agree(t *testing.T, data []byte) {
	t.Helper()
	d := &dice{data}
	m := d.rules()
	text := m.String()
	rules, err := acl.Parse("made up", []byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for range 8 {
		q := d.query()
		for _, o := range []acl.Options{{}, {AllowPrivate: true}, {AllowPrivate: true, Unresolved: true}} {
			if got, want := rules.Decide(q.Query, o).String(), m.decide(q, o); got != want {
				t.Fatalf("got %s, want %s, for %+v with %+v and\n%s", got, want, q, o, text)
			}
		}
	}
}

// TestModel compares some thousands of files with the model.
func TestModel(t *testing.T) {
	random := rand.NewChaCha8([32]byte{3})
	for range 4000 {
		data := make([]byte, 400)
		random.Read(data)
		agree(t, data)
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("who may go where"))
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}
