package server_test

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a DNS server on loopback, with A records only.
type zone struct {
	records map[string][]string // by name without the last dot
	asked   atomic.Int32        // questions for A
}

// resolver returns a resolver that asks z.
func (z *zone) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	c := listenUDP(t)
	c.SetReadDeadline(time.Time{})
	go z.serve(c) // ends when c is closed
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

func (z *zone) serve(c *net.UDPConn) {
	b := make([]byte, 1500)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		z.answer(&m)
		if packed, err := m.Pack(); err == nil {
			c.WriteToUDPAddrPort(packed, from)
		}
	}
}

func (z *zone) answer(m *dnsmessage.Message) {
	q := m.Questions[0]
	name := q.Name.String()
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	addrs, known := z.records[name[:len(name)-1]]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	if q.Type != dnsmessage.TypeA {
		return
	}
	z.asked.Add(1)
	for _, a := range addrs {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
		})
	}
}
