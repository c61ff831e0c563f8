package acl_test

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/socks5"
)

// rebinding is what a name stands for at one question after another: all of a
// line at once, of either type. The public addresses are of networks for
// documentation, and not dialled.
func rebinding() [][]string {
	return [][]string{
		{"192.0.2.1", "127.0.0.1"},
		{"127.0.0.1", "192.0.2.1"},
		{"192.0.2.1 127.0.0.1"},
		{"127.0.0.1 192.0.2.1"},
		{"192.0.2.1 ::1"},
		{"127.0.0.1 2001:db8::1"},
		{"2001:db8::1 ::1"},
		{"::1 2001:db8::1"},
		{"::ffff:127.0.0.1", "192.0.2.1"},
		{"192.0.2.1 2001:db8::1", "127.0.0.1 ::1"},
		{"192.0.2.1 192.0.2.2 127.0.0.9 127.255.255.254 ::ffff:127.0.0.1"},
		{"192.0.2.1", "192.0.2.1", "192.0.2.1 ::1", "127.0.0.1"},
	}
}

// rebinder answers for names such as "x.3.test." by the line of that number.
type rebinder struct {
	mu    sync.Mutex
	asked map[string]int
}

func (r *rebinder) answer(name string, kind dnsmessage.Type) []netip.Addr {
	label := strings.Split(name, ".")[1]
	i, err := strconv.Atoi(label)
	if err != nil {
		return nil
	}
	line := rebinding()[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = make(map[string]int)
	}
	question := label + kind.String()
	r.asked[question]++
	return addrs(line[(r.asked[question]-1)%len(line)])
}

// rebound starts a proxy whose rules are everybody's default, and a resolver that
// has it in for them.
func rebound(t *testing.T) (*proxy, *trap) {
	x := serve(t, policy(t, "[global]\ndefault_policy = 'allow'", acl.Options{}), liar(new(rebinder).answer).resolver(t))
	return x, setTrap(t)
}

// Ten thousand names that lead to loopback and elsewhere, in every order, never
// lead to loopback.
func TestRebinding(t *testing.T) {
	const tries, atOnce = 10_000, 8
	x, trapped := rebound(t)
	trapped.works(t)
	var running sync.WaitGroup
	for worker := range atOnce {
		running.Go(func() {
			for i := worker; i < tries && !t.Failed(); i += atOnce {
				name := fmt.Sprintf("%s.%d.test%s", [...]string{"x", "X"}[i&1], i%len(rebinding()), [...]string{"", "."}[i>>1&1])
				if got := x.connect(t, named(name, trapped.port)); got != socks5.NotAllowed {
					t.Errorf("%s: got %v, want %v", name, got, socks5.NotAllowed)
				}
			}
		})
	}
	running.Wait()
	trapped.empty(t)
	t.Logf("%d addresses of loopback refused, %d others not dialled", x.refused.Load(), x.elsewhere.Load())
	if x.refused.Load() < tries/3 || x.elsewhere.Load() < tries/3 {
		t.Error("the names did not lead to both often enough")
	}
}

// A name that a datagram is for is looked up as any.
func TestRebindingUDP(t *testing.T) {
	const tries, atOnce = 1000, 10
	x, trapped := rebound(t)
	trapped.works(t)
	c := x.dial(t)
	defer c.Close()
	code, relay := x.ask(t, c, socks5.Associate, at(netip.IPv4Unspecified(), 0))
	if code != socks5.Succeeded {
		t.Fatalf("associate: %v", code)
	}
	app, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(relay))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	for i := range tries {
		dst := named(fmt.Sprintf("x%d.%d.test", i, i%len(rebinding())), trapped.port)
		if _, err := app.Write(append(append([]byte{0, 0, 0}, dst...), "hello"...)); err != nil {
			t.Fatal(err)
		}
		if i%atOnce == atOnce-1 {
			until(t, "the datagrams to be dropped", func() bool { return x.dropped() == int64(i+1) })
		}
	}
	trapped.empty(t)
	if x.refused.Load() < tries/3 || x.elsewhere.Load() < tries/3 {
		t.Errorf("%d addresses of loopback refused, %d others, want both often", x.refused.Load(), x.elsewhere.Load())
	}
}

// A peer that is expected by its name is judged by where it comes from.
func TestRebindingBIND(t *testing.T) {
	x, _ := rebound(t)
	came := 0
	for i := range 120 {
		c := x.dial(t)
		code, listener := x.ask(t, c, socks5.Bind, named(fmt.Sprintf("x.%d.test", i%len(rebinding())), 0))
		if code == socks5.Succeeded {
			came += knock(t, listener)
			code, _ = reply(t, c)
		}
		if code == socks5.Succeeded {
			t.Errorf("try %d: a peer on loopback was let in", i)
		}
		c.Close()
	}
	if came == 0 || x.refused.Load() == 0 {
		t.Errorf("%d peers came and %d were refused, want some", came, x.refused.Load())
	}
}

// knock connects to a listener from loopback, and returns how often it could.
func knock(t *testing.T, listener netip.AddrPort) int {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	if listener.Addr().Is6() {
		local = netip.IPv6Loopback()
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)), Timeout: patience}
	c, err := d.Dial("tcp", listener.String())
	if err != nil {
		return 0
	}
	c.Close()
	return 1
}
