package server_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// spring is an Outbound whose targets send and take all they can.
func spring(t *testing.T) outbound {
	return outbound{packet: newSilent, dial: func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		go pump(far, nil)
		go drain(far, nil)
		return near, nil
	}}
}

// pump writes to c until it ends, and drain reads from it; both count.
func pump(c net.Conn, n *atomic.Int64)  { tally(n, func(b []byte) (int, error) { return c.Write(b) }) }
func drain(c net.Conn, n *atomic.Int64) { tally(n, func(b []byte) (int, error) { return c.Read(b) }) }

func tally(n *atomic.Int64, move func(b []byte) (int, error)) {
	b := make([]byte, 4<<10)
	for {
		m, err := move(b)
		if n != nil {
			n.Add(int64(m))
		}
		if err != nil {
			return
		}
	}
}

// as logs in over m, within TLS where the server has keys, and opens a tunnel.
func (m *memory) as(t *testing.T, k *keys, user string) net.Conn {
	t.Helper()
	c := m.dial()
	t.Cleanup(func() { c.Close() })
	if k != nil {
		c = k.dial(t, c, false)
	}
	send(t, c, 5, 1, 2)
	expect(t, c, 5, 2)
	send(t, c, append(append([]byte{1, byte(len(user))}, user...), 1, 'p')...)
	expect(t, c, 1, 0)
	request(t, c, 1)
	expect(t, c, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	return c
}

// near wants got to be within a twentieth of want.
func near(t *testing.T, what string, got, want int64) {
	t.Helper()
	if diff := got - want; diff > want/20 || diff < -want/20 {
		t.Errorf("%s: got %d, want about %d", what, got, want)
	}
}

// The tunnels of a user share its bandwidth evenly, each direction by itself, and
// leave those of another alone.
func TestBandwidthIsSharedTLS(t *testing.T) {
	const rate, seconds = 1 << 20, 10
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var k *keys
				s := &server.Server{Auth: anyone, Outbound: spring(t), Limits: server.Limits{User: server.Quota{Bandwidth: rate}}}
				if way == "TLS" {
					made := newKeys(t)
					k = &made
					s.TLS = k.config(t, "none")
				}
				m := serveMemory(t, s)
				var up, down [4]atomic.Int64
				for i, user := range []string{"alice", "alice", "alice", "bob"} {
					c := m.as(t, k, user)
					go pump(c, &up[i])
					go drain(c, &down[i])
				}
				time.Sleep(2 * time.Second) // until the first, who was alone at first, is even with the others
				for i := range up {
					up[i].Store(0)
					down[i].Store(0)
				}
				time.Sleep(seconds * time.Second)
				for _, moved := range []*[4]atomic.Int64{&up, &down} {
					sum := moved[0].Load() + moved[1].Load() + moved[2].Load()
					near(t, "alice", sum, rate*seconds)
					near(t, "bob", moved[3].Load(), rate*seconds)
					for i := range 3 {
						near(t, "a third", moved[i].Load(), sum/3)
					}
				}
				s.Close() // ends what moves
			})
		})
	}
}

// A tunnel that is open follows the quotas of the moment.
func TestBandwidthFollowsRejudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(law)
		l.grant(server.Quota{Name: "all", Bandwidth: 1 << 20})
		s := &server.Server{Auth: anyone, Policy: l, Outbound: spring(t)}
		m := serveMemory(t, s)
		c := m.as(t, nil, "alice")
		var moved atomic.Int64
		go drain(c, &moved)
		for _, rate := range []int64{1 << 20, 64 << 10, 4 << 20} {
			l.grant(server.Quota{Name: "all", Bandwidth: rate})
			s.Rejudge()
			time.Sleep(time.Second)
			moved.Store(0)
			time.Sleep(10 * time.Second)
			near(t, "moved", moved.Load(), 10*rate)
		}
		s.Close()
	})
}

// Datagrams beyond the rate are dropped and counted, those of all associations of
// a user together.
func TestDatagramsArePoliced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		s := &server.Server{Auth: anyone, Outbound: spring(t), Observer: record, Limits: server.Limits{User: server.Quota{Datagrams: 50}}}
		m := serveMemory(t, s)
		burst := func(c net.Conn, n int) {
			for range n {
				send(t, c, frame("192.0.2.9:9", "x")...)
			}
			synctest.Wait()
		}
		open := func(user byte) net.Conn {
			c := m.dial()
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 2)
			send(t, c, 1, 1, user, 1, 'p')
			expect(t, c, 1, 0)
			request(t, c, 0xF3)
			reply(t, c, socks5.Succeeded)
			return c
		}
		first, second, other := open('a'), open('a'), open('b')
		burst(first, 20)
		burst(second, 20)
		burst(other, 10)
		time.Sleep(time.Second) // the burst is 16
		burst(second, 20)
		for i, c := range []net.Conn{first, second, other} {
			c.Close()
			sessions := record.records()
			got := sessions[len(sessions)-1]
			want := [][2]int64{{16, 4}, {16, 24}, {10, 0}}[i]
			if up, dropped := got.DatagramsUp.Load(), got.Dropped()["rate"]; up != want[0] || dropped != want[1] {
				t.Errorf("association %d: %d passed and %d were dropped, want %v", i, up, dropped, want)
			}
		}
	})
}

// Bytes of datagrams count with those of tunnels.
func TestDatagramsCountAsBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		s := &server.Server{Outbound: spring(t), Observer: record, Limits: server.Limits{User: server.Quota{Bandwidth: 10 << 10}}}
		m := serveMemory(t, s)
		c := m.dial()
		greet(t, c)
		request(t, c, 0xF3)
		reply(t, c, socks5.Succeeded)
		data := string(make([]byte, 1000))
		for range 1000 {
			send(t, c, frame("192.0.2.9:9", data)...)
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		c.Close()
		got := record.records()[0]
		near(t, "bytes", got.BytesUp.Load(), 10*10<<10)
		if sum := got.DatagramsUp.Load() + got.Dropped()["rate"]; sum != 1000 {
			t.Errorf("%d datagrams passed or were dropped, want 1000", sum)
		}
	})
}
