package owner_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// relayPort is a socket for UDP that clients send to.
func relayPort(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.UDPConn)
}

// sender is a socket for UDP, made by uid with listen or dial.
func sender(t *testing.T, uid uint32, made func() (net.Conn, error)) net.Conn {
	t.Helper()
	var c net.Conn
	open := func() (err error) { c, err = made(); return err }
	if uid == own() {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	} else {
		asUser(t, uid, open)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// unconnected makes a socket for UDP that is bound to address.
func unconnected(network, address string, d *net.Dialer) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		config := net.ListenConfig{}
		if d != nil {
			config.Control = d.Control
		}
		c, err := config.ListenPacket(context.Background(), network, address)
		if err != nil {
			return nil, err
		}
		return c.(*net.UDPConn), nil
	}
}

// sent has c send a datagram to relay and returns where it came from.
func sent(t *testing.T, c net.Conn, relay *net.UDPConn, to string) (from, at netip.AddrPort) {
	t.Helper()
	at = relay.LocalAddr().(*net.UDPAddr).AddrPort()
	var err error
	if c := c.(*net.UDPConn); c.RemoteAddr() != nil {
		_, err = c.Write([]byte("datagram"))
	} else {
		_, err = c.WriteToUDPAddrPort([]byte("datagram"), netip.AddrPortFrom(netip.MustParseAddr(to), at.Port()))
	}
	if err != nil {
		t.Fatal(err)
	}
	relay.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, from, err = relay.ReadFromUDPAddrPort(make([]byte, 100))
	if err != nil {
		t.Fatal(err)
	}
	return from, at
}

func TestOwnerOfUDP(t *testing.T) {
	for name, c := range map[string]struct {
		relay string
		made  func(relay string) func() (net.Conn, error)
	}{
		"any address": {"127.0.0.1:0", func(string) func() (net.Conn, error) { return unconnected("udp4", "0.0.0.0:0", nil) }},
		"IPv4":        {"127.0.0.1:0", func(string) func() (net.Conn, error) { return unconnected("udp4", "127.0.0.1:0", nil) }},
		"IPv6":        {"[::1]:0", func(string) func() (net.Conn, error) { return unconnected("udp6", "[::1]:0", nil) }},
		"both":        {"127.0.0.1:0", func(string) func() (net.Conn, error) { return unconnected("udp", "[::]:0", nil) }},
		"any IPv6":    {"[::1]:0", func(string) func() (net.Conn, error) { return unconnected("udp", "[::]:0", nil) }},
		"loopback":    {"127.0.0.1:0", func(string) func() (net.Conn, error) { return unconnected("udp4", "0.0.0.0:0", boundTo("lo")) }},
		"connected": {"127.0.0.1:0", func(relay string) func() (net.Conn, error) {
			return func() (net.Conn, error) { return net.Dial("udp", relay) }
		}},
		"connected IPv6": {"[::1]:0", func(relay string) func() (net.Conn, error) {
			return func() (net.Conn, error) { return net.Dial("udp", relay) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			users(t, func(t *testing.T, uid uint32) {
				relay := relayPort(t, c.relay)
				client := sender(t, uid, c.made(relay.LocalAddr().String()))
				host, _, _ := net.SplitHostPort(c.relay)
				from, at := sent(t, client, relay, host)
				err := gate(t).AdmitDatagram(from, at)
				if uid == own() && err != nil || uid != own() && (err == nil || !strings.Contains(err.Error(), "uid "+strconv.Itoa(int(uid)))) {
					t.Errorf("uid %d: got %v", uid, err)
				}
				client.Close()
				if gate(t).AdmitDatagram(from, at) == nil {
					t.Error("was let in without a socket")
				}
			})
		})
	}
}

// A socket for any address of this host is not the sender on another.
func TestDatagramsOfANetwork(t *testing.T) {
	n := newNetwork(t)
	g := gate(t)
	for name, c := range map[string]struct {
		from, device string
		uid          uint32
		let          bool
	}{
		"same user":         {n.near, "", own(), true},
		"another user":      {n.near, "", stranger, false},
		"bound to a device": {n.near, "veth", stranger, false},
		"another namespace": {n.far, "", stranger, true},
	} {
		t.Run(name, func(t *testing.T) {
			var relay, client, bystander net.Conn
			open := func(namespace string, uid uint32, address string, d *net.Dialer) (c net.Conn) {
				in(t, namespace, uid, func() (err error) {
					c, err = unconnected("udp4", address, d)()
					return err
				})
				t.Cleanup(func() { c.Close() })
				return c
			}
			relay = open(n.near, own(), "10.0.0.1:0", nil)
			client = open(c.from, c.uid, "0.0.0.0:0", boundTo(c.device))
			if c.from == n.far {
				_, port, _ := net.SplitHostPort(client.LocalAddr().String())
				bystander = open(n.near, stranger+1, "0.0.0.0:"+port, nil)
				defer bystander.Close()
			}
			from, at := sent(t, client, relay.(*net.UDPConn), "10.0.0.1")
			in(t, n.near, own(), func() error {
				if err := g.AdmitDatagram(from, at); (err == nil) != c.let {
					t.Errorf("got %v, want let in: %t", err, c.let)
				}
				return nil
			})
		})
	}
}
