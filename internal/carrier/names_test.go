package carrier_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// answers are what came back to a Resolve, in order.
type answers struct {
	mu  sync.Mutex
	all [][]netip.Addr
}

func (a *answers) add(ips []netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, ips)
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

func TestUDPNamesCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		n := carrier.NewNames(func(_ context.Context, host string) ([]netip.Addr, error) {
			asked.Add(1)
			if host == "none" {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		})
		defer n.Close()
		var got answers
		for _, c := range []struct {
			host string
			ttl  time.Duration
			want []netip.Addr
		}{{"some", carrier.NameTTL, []netip.Addr{loopback}}, {"none", carrier.NoNameTTL, nil}} {
			if ips, known := n.Lookup(c.host); known {
				t.Errorf("%s before Resolve: got %v, want it unknown", c.host, ips)
			}
			before := asked.Load()
			n.Resolve(c.host, got.add)
			synctest.Wait()
			time.Sleep(c.ttl - 1)
			ips, known := n.Lookup(c.host)
			if diff := cmp.Diff(c.want, ips, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || !known {
				t.Errorf("%s: known %v (-want +got):\n%s", c.host, known, diff)
			}
			time.Sleep(1)
			if _, known := n.Lookup(c.host); known {
				t.Errorf("%s after %v: got known, want it forgotten", c.host, c.ttl)
			}
			if got := asked.Load() - before; got != 1 {
				t.Errorf("%s: got %d look-ups, want 1", c.host, got)
			}
		}
		if got.count() != 2 {
			t.Errorf("got %d answers, want 2", got.count())
		}
	})
}

// Many that wait for one name are one look-up, and everything is bounded.
func TestUDPNamesBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		n := carrier.NewNames(func(context.Context, string) ([]netip.Addr, error) {
			asked.Add(1)
			<-release
			return []netip.Addr{loopback}, nil
		})
		var got answers
		accepted := 0
		for i := range carrier.MaxLookups + 10 {
			for range carrier.MaxWaiting + 10 {
				if n.Resolve(fmt.Sprint(i), got.add) {
					accepted++
				}
			}
		}
		synctest.Wait()
		if want := carrier.MaxLookups * carrier.MaxWaiting; accepted != want || asked.Load() != carrier.MaxLookups {
			t.Errorf("got %d accepted and %d look-ups, want %d and %d", accepted, asked.Load(), want, carrier.MaxLookups)
		}
		close(release)
		synctest.Wait()
		if got.count() != accepted {
			t.Errorf("got %d answers, want %d", got.count(), accepted)
		}
		for i := range 2 * carrier.MaxNames {
			n.Resolve(fmt.Sprint("more", i), got.add)
			synctest.Wait()
		}
		known := 0
		for i := range 2 * carrier.MaxNames {
			if _, ok := n.Lookup(fmt.Sprint("more", i)); ok {
				known++
			}
		}
		if last, ok := n.Lookup(fmt.Sprint("more", 2*carrier.MaxNames-1)); known > carrier.MaxNames || !ok {
			t.Errorf("got %d names and the last %v, want at most %d and the last one", known, last, carrier.MaxNames)
		}
		n.Close()
	})
}

// Close ends a look-up, answers who waits, and takes nothing more.
func TestUDPNamesClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := carrier.NewNames(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		var got answers
		n.Resolve("slow", got.add)
		n.Close()
		if got.count() != 1 || got.all[0] != nil {
			t.Errorf("got %v, want one empty answer", got.all)
		}
		if n.Resolve("late", got.add) {
			t.Error("Resolve after Close: got true, want false")
		}
	})
}

// A look-up that never ends is given up.
func TestUDPNamesTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := carrier.NewNames(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		defer n.Close()
		var got answers
		n.Resolve("slow", got.add)
		time.Sleep(10*time.Second + 1)
		synctest.Wait()
		if got.count() != 1 {
			t.Error("after 10 s: got no answer, want an empty one")
		}
	})
}

// recorder is a Conn that keeps what is written.
type recorder struct {
	carrier.Conn
	mu  sync.Mutex
	all []datagram
}

func (r *recorder) WriteBatch(ds []carrier.Datagram) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range ds {
		r.all = append(r.all, datagram{d.Addr.String(), string(d.Data)})
	}
	return nil
}

func (r *recorder) Close() error { return nil }

func (r *recorder) got() []datagram {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]datagram(nil), r.all...)
}

// Conformance 66: 100 datagrams to addresses flow while one name takes 5 s.
func TestUDPResolvedSlowNameHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out recorder
		var d drops
		r := carrier.NewResolved(&out, carrier.NewNames(func(context.Context, string) ([]netip.Addr, error) {
			time.Sleep(5 * time.Second)
			return []netip.Addr{loopback}, nil
		}), nil, d.count)
		defer r.Close()
		start := time.Now()
		slow := to(t, "slow.example:53", "slow")
		write(t, r, slow)
		clear(slow.Data) // the caller's buffer is the caller's again
		for range 100 {
			write(t, r, to(t, "192.0.2.1:53", "fast"))
		}
		if got := len(out.got()); got != 100 || time.Since(start) != 0 {
			t.Errorf("got %d datagrams after %v, want 100 at once", got, time.Since(start))
		}
		time.Sleep(5*time.Second + 1)
		synctest.Wait()
		if got, want := out.got()[100:], (datagram{"127.0.0.1:53", "slow"}); len(got) != 1 || got[0] != want {
			t.Errorf("got %v, want %v", got, want)
		}
		write(t, r, to(t, "slow.example:54", "known now"))
		if got, want := out.got()[101:], (datagram{"127.0.0.1:54", "known now"}); len(got) != 1 || got[0] != want {
			t.Errorf("got %v, want %v", got, want)
		}
		d.want(t, nil)
	})
}

// Conformance 65: each address is asked about, names with their addresses.
func TestUDPResolvedAsksForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out recorder
		var d drops
		denied := netip.MustParseAddr("10.0.0.1")
		hosts := map[string][]netip.Addr{"both": {denied, loopback}, "denied": {denied}}
		r := carrier.NewResolved(&out, carrier.NewNames(func(_ context.Context, host string) ([]netip.Addr, error) {
			return hosts[host], nil
		}), func(asked socks5.Addr, ip netip.Addr) bool { return ip != denied && asked.Port != 1 }, d.count)
		for range 2 { // unknown names, then known ones
			write(t, r, to(t, "both:53", "a"), to(t, "denied:53", "b"), to(t, "none:53", "c"),
				to(t, "10.0.0.1:53", "d"), to(t, "192.0.2.1:1", "e"), to(t, "both:1", "f"),
				carrier.Datagram{Data: []byte("no address")})
			synctest.Wait()
		}
		want := []datagram{{"127.0.0.1:53", "a"}, {"127.0.0.1:53", "a"}}
		if diff := cmp.Diff(want, out.got(), cmp.AllowUnexported(datagram{})); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		r.Close()
		d.want(t, map[carrier.Drop]int64{carrier.DropDenied: 8, carrier.DropUnresolved: 4})
	})
}

// What waits for names is bounded in bytes and drained by Close.
func TestUDPResolvedHoldsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out recorder
		var d drops
		r := carrier.NewResolved(&out, carrier.NewNames(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}), nil, d.count)
		for i := range carrier.MaxHeld/65536 + 3 {
			write(t, r, to(t, fmt.Sprintf("host%d:53", i), filled(65536)))
		}
		d.want(t, map[carrier.Drop]int64{carrier.DropUnresolved: 3})
		r.Close()
		d.want(t, map[carrier.Drop]int64{carrier.DropUnresolved: carrier.MaxHeld/65536 + 3})
		if got := out.got(); len(got) != 0 {
			t.Errorf("got %v, want nothing sent", got)
		}
	})
}

// packetOnly hides what a net.PacketConn is.
type packetOnly struct{ net.PacketConn }

func TestUDPFromPacketConn(t *testing.T) {
	for _, hide := range []bool{false, true} {
		var d drops
		var pc net.PacketConn = listenUDP(t, "udp", "127.0.0.1:0")
		if hide {
			pc = packetOnly{pc}
		}
		c := carrier.FromPacketConn(pc, d.count)
		far := listenUDP(t, "udp", "127.0.0.1:0")
		port := addrPort(far).Port()
		write(t, c, to(t, fmt.Sprintf("localhost:%d", port), "by name"))
		buf := make([]byte, 70000)
		n, from, err := far.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "by name" {
			t.Fatalf("got %q, %v, want by name", buf[:n], err)
		}
		write(t, c, to(t, far.LocalAddr().String(), filled(65507)))
		if n, _, err = far.ReadFrom(buf); err != nil || string(buf[:n]) != filled(65507) {
			t.Fatalf("got %d bytes, %v, want 65507", n, err)
		}
		if _, err := far.WriteTo([]byte(filled(65507)), from); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, 1); got[0].data != filled(65507) || got[0].addr != far.LocalAddr().String() {
			t.Errorf("got %d bytes from %s", len(got[0].data), got[0].addr)
		}
		if c.LocalAddr().String() != from.String() {
			t.Errorf("LocalAddr: got %v, want %v", c.LocalAddr(), from)
		}
		if again := carrier.FromPacketConn(connBoth{pc, c}, nil); again != carrier.Conn(connBoth{pc, c}) {
			t.Errorf("of a Conn: got %T, want itself", again)
		}
		d.want(t, nil)
		closes(t, c)
	}
}

// connBoth is a net.PacketConn and a carrier.Conn.
type connBoth struct {
	net.PacketConn
	c carrier.Conn
}

func (b connBoth) ReadBatch(ds []carrier.Datagram) (int, error) { return b.c.ReadBatch(ds) }
func (b connBoth) WriteBatch(ds []carrier.Datagram) error       { return b.c.WriteBatch(ds) }
