package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// judge is a Policy that remembers what it was asked, and refuses what a
// question begins with.
type judge struct {
	deny string // as in "dial host 127.0.0.1"; nothing when empty

	mu    sync.Mutex
	asked []string
}

func (j *judge) Allow(ctx context.Context, s *server.Session, t server.Target) error {
	q := fmt.Sprintf("%v %s", t.Stage, t.Host)
	if t.Addr.Addr().IsValid() {
		q += fmt.Sprintf(" %v", t.Addr.Addr())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, fmt.Sprintf("%s :%d", q, t.Port()))
	if s == nil || s.Stage() == server.StageAccept {
		return errors.New("no session")
	}
	if j.deny != "" && strings.HasPrefix(q, j.deny) {
		return errors.New("no")
	}
	return nil
}

// wants compares what j was asked with want, where PORT is port.
func (j *judge) wants(t *testing.T, port uint16, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "PORT", fmt.Sprint(port))
	}
	got := slices.Clone(j.asked)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the policy was asked (-want +got):\n%s", diff)
	}
}

func portOf(address string) uint16 { return netip.MustParseAddrPort(address).Port() }

// Each address that a name stands for is judged when it is dialled, and one
// that is refused leaves the others.
func TestPolicyOfConnect(t *testing.T) {
	const name = "two.test"
	records := map[string][]string{name: {"127.0.0.2", "127.0.0.1"}}
	cases := []struct {
		name, to, deny string
		reply          socks5.Reply
		lookups        int32
		asked          []string
	}{
		{"a name", name, "", 0, 1, []string{"request two.test :PORT", "dial two.test 127.0.0.1 :PORT", "dial two.test 127.0.0.2 :PORT"}},
		{"one address refused", name, "dial two.test 127.0.0.2", 0, 1, []string{"request two.test :PORT", "dial two.test 127.0.0.1 :PORT", "dial two.test 127.0.0.2 :PORT"}},
		{"all addresses refused", name, "dial", 2, 1, []string{"request two.test :PORT", "dial two.test 127.0.0.1 :PORT", "dial two.test 127.0.0.2 :PORT"}},
		{"the name refused", name, "request two.test", 2, 0, []string{"request two.test :PORT"}},
		{"an address", "127.0.0.1", "", 0, 0, []string{"request  127.0.0.1 :PORT", "dial  127.0.0.1 :PORT"}},
		{"the request refused", "127.0.0.1", "request", 2, 0, []string{"request  127.0.0.1 :PORT"}},
		{"the address refused", "127.0.0.1", "dial", 2, 0, []string{"request  127.0.0.1 :PORT", "dial  127.0.0.1 :PORT"}},
		{"no such name", "none.test", "", 4, 1, []string{"request none.test :PORT"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			z, j := &zone{records: records}, &judge{deny: tc.deny}
			h := start(t, &server.Server{Policy: j, Outbound: &server.Direct{Resolver: z.resolver(t)}})
			addr, conns := origin(t)
			c := h.dial(t)
			ask(t, c, 1, fmt.Sprintf("%s:%d", tc.to, portOf(addr)), tc.reply)
			if tc.reply == socks5.Succeeded {
				next(t, "connection", conns).Close()
			}
			c.Close()
			s := h.record(t)
			j.wants(t, portOf(addr), tc.asked...)
			if got := z.asked.Load(); got != tc.lookups {
				t.Errorf("%d look-ups, want %d", got, tc.lookups)
			}
			if len(conns) > 0 {
				t.Errorf("%d connections too many", len(conns))
			}
			if got := errors.Is(s.Err(), server.ErrDenied); got != (tc.reply == 2) {
				t.Errorf("record: %v", s.Err())
			}
			if got := s.Resolved().IsValid(); got != (tc.reply == 0) {
				t.Errorf("resolved: %v", s.Resolved())
			}
		})
	}
}

func TestPolicyOfBIND(t *testing.T) {
	j := new(judge)
	h := start(t, &server.Server{Policy: j})
	c := h.dial(t)
	at := ask(t, c, 2, "127.0.0.1:9", socks5.Succeeded)
	peer := dialTCP(t, at.String())
	if got := reply(t, c, socks5.Succeeded); got.String() != peer.LocalAddr().String() {
		t.Errorf("reply 2 says %v, want %v", got, peer.LocalAddr())
	}
	move(t, c, peer)
	j.wants(t, portOf(peer.LocalAddr().String()), "request  127.0.0.1 :9", "peer  127.0.0.1 :PORT")
	if s := h.admitted(t); s.Resolved().String() != peer.LocalAddr().String() || s.Bound().String() != at.String() {
		t.Errorf("record: resolved %v, bound %v", s.Resolved(), s.Bound())
	}
}

// conformance 53
func TestPolicyRefusesBIND(t *testing.T) {
	for _, stage := range []server.Stage{server.StageRequest, server.StagePeer} {
		h := start(t, &server.Server{Policy: &judge{deny: stage.String()}})
		c := h.dial(t)
		if stage == server.StagePeer {
			turnedAway(t, "127.0.0.1", ask(t, c, 2, "127.0.0.1:9", socks5.Succeeded).String())
			reply(t, c, socks5.NotAllowed)
		} else {
			ask(t, c, 2, "127.0.0.1:9", socks5.NotAllowed)
		}
		c.Close()
		if s := h.record(t); !errors.Is(s.Err(), server.ErrDenied) || s.Stage() != stage {
			t.Errorf("record: %v at %v, want it at %v", s.Err(), s.Stage(), stage)
		}
	}
}

func TestPolicyOfUDP(t *testing.T) {
	const name = "echo.test"
	all := []string{"request  :0", "datagram echo.test :PORT", "datagram echo.test 127.0.0.1 :PORT", "answer  127.0.0.1 :PORT"}
	cases := []struct {
		name, to, deny string
		asked          []string
	}{
		{"a name", name, "", all},
		{"the name refused", name, "datagram echo.test", all[:2]},
		{"its address refused", name, "datagram echo.test 127", all[:3]},
		{"the answer refused", name, "answer", all},
		{"an address", "127.0.0.1", "", []string{"request  :0", "datagram  127.0.0.1 :PORT", "answer  127.0.0.1 :PORT"}},
		{"the address refused", "127.0.0.1", "datagram", []string{"request  :0", "datagram  127.0.0.1 :PORT"}},
	}
	for _, tc := range cases {
		for _, command := range []byte{3, 0xF3} {
			t.Run(fmt.Sprintf("%s/%02x", tc.name, command), func(t *testing.T) {
				z, j, echo := &zone{records: map[string][]string{name: {"127.0.0.1"}}}, &judge{deny: tc.deny}, echoUDP(t)
				h := start(t, &server.Server{Policy: j, Outbound: &server.Direct{Resolver: z.resolver(t)}})
				c := h.dial(t)
				at := ask(t, c, command, "0.0.0.0:0", socks5.Succeeded)
				to := fmt.Sprintf("%s:%d", tc.to, echo.Port())
				app := listenUDP(t)
				if command == 3 {
					sendUDP(t, app, at, datagram(to, "hi"))
				} else {
					send(t, c, frame(to, "hi")...)
				}
				switch {
				case tc.deny != "":
					waitDrops(t, h.admitted(t), map[string]int64{"denied": 1})
				case command == 3:
					expectUDP(t, app, datagram(echo.String(), "hi"))
				default:
					expect(t, c, frame(echo.String(), "hi")...)
				}
				j.wants(t, echo.Port(), slices.Clone(tc.asked)...)
			})
		}
	}
}

// What leads back into the server or to many hosts is refused whatever the
// policy says (conformance 32 and 34).
func TestGuardOfConnect(t *testing.T) {
	z := &zone{records: map[string][]string{"self.test": {"127.0.0.1"}, "zero.test": {"0.0.0.0"}, "many.test": {"224.0.0.1"}}}
	hosts := []string{
		"127.0.0.1", "self.test", "localhost", "0.0.0.0", "[::]", "zero.test", "many.test",
		"224.0.0.1", "239.1.2.3", "255.255.255.255", "[ff02::1]",
	}
	for listen, more := range map[string]string{"127.0.0.1:0": "", "0.0.0.0:0": "127.0.0.5", "[::]:0": "[::1]"} {
		l := listenTCP(t, listen)
		h := startOn(t, &server.Server{Auth: []server.Authenticator{server.NoAuth{}}, Outbound: &server.Direct{Resolver: z.resolver(t)}}, l)
		port := addrOfTCP(l).Port()
		h.addr = fmt.Sprintf("127.0.0.1:%d", port)
		high, low := byte(port>>8), byte(port)
		requests := [][]byte{
			{5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1, high, low},                             // mapped into IPv6
			{5, 1, 0, 3, 9, '1', '2', '7', '.', '0', '.', '0', '.', '1', high, low},                                     // as a name
			{5, 1, 0, 3, 16, ':', ':', 'f', 'f', 'f', 'f', ':', '1', '2', '7', '.', '0', '.', '0', '.', '1', high, low}, // both
		}
		for _, host := range append(hosts, more) {
			if addr, err := socks5.ParseAddr(fmt.Sprintf("%s:%d", host, port)); err == nil && host != "" {
				requests = append(requests, socks5.AppendAddr([]byte{5, 1, 0}, addr))
			}
		}
		for _, request := range requests {
			c := h.dial(t)
			greet(t, c)
			send(t, c, request...)
			reply(t, c, socks5.NotAllowed)
			c.Close()
			if s := h.record(t); !errors.Is(s.Err(), server.ErrDenied) {
				t.Errorf("%s at %s: record: %v", s.Host, listen, s.Err())
			}
		}
		if n := len(h.closed); n > 0 {
			t.Errorf("%d more sessions: it has dialled itself", n)
		}
	}
}

func addrOfTCP(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// conformance 67
func TestGuardOfUDP(t *testing.T) {
	z := &zone{records: map[string][]string{"self.test": {"127.0.0.1"}, "zero.test": {"0.0.0.0"}, "many.test": {"224.0.0.1"}}}
	h := start(t, &server.Server{Outbound: &server.Direct{Resolver: z.resolver(t)}})
	other := ask(t, h.dial(t), 3, "0.0.0.0:0", socks5.Succeeded) // of another session
	h.admitted(t)
	c := h.dial(t)
	at := ask(t, c, 3, "0.0.0.0:0", socks5.Succeeded)
	s, app := h.admitted(t), listenUDP(t)
	denied := int64(0)
	for _, port := range []uint16{at.Port(), other.Port()} {
		for _, host := range []string{"127.0.0.1", "self.test", "0.0.0.0", "[::]", "zero.test", "224.0.0.1", "255.255.255.255", "many.test", "[ff02::1]"} {
			sendUDP(t, app, at, datagram(fmt.Sprintf("%s:%d", host, port), "x"))
			denied++
			waitDrops(t, s, map[string]int64{"denied": denied})
		}
		mapped := append([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}, byte(port>>8), byte(port), 'x')
		sendUDP(t, app, at, mapped)
		denied++
		waitDrops(t, s, map[string]int64{"denied": denied})
	}
	if n := s.DatagramsUp.Load(); n != 6 { // the names, which were judged again
		t.Errorf("%d datagrams up, want the 6 to names", n)
	}
}
