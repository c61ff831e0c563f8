// Package rig starts servers of this module, alone or in a chain behind a
// forwarder, in the way that the conformance suite asks for. It is for tests.
package rig

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/sockstest"
	"github.com/socksctl/socksctl/server"
)

// rig is the servers of one endpoint, and what the suite wants to know of them.
type rig struct {
	t    testing.TB
	mode sockstest.Mode
	cfg  sockstest.Config

	addrs    []string // of the listeners, from the last server on
	log      buffer
	dials    atomic.Int64
	accepted atomic.Int64
	app      *server.Server
	near     *records // of the server that apps connect to: of app
	all      []*records
	servers  []*certs.Server
	clients  []*certs.Client
	warm     []*forwarder.Servers // that connections are kept warm to
}

// Start is a sockstest.Factory.
func Start(t testing.TB, mode sockstest.Mode, cfg sockstest.Config) *sockstest.Endpoint {
	t.Helper()
	r := &rig{t: t, mode: mode, cfg: cfg}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the servers logged:\n%s", &r.log)
		}
	})
	last := r.last()
	if mode.Hops == 0 {
		r.appSide(last)
	}
	addr := r.serve(last, mode.Carrier)
	if mode.Hops == 2 {
		addr = r.serve(r.hop(addr), mode.Carrier)
	}
	if mode.Hops > 0 {
		if cfg.Middle != nil {
			addr = cfg.Middle(addr)
		}
		near := r.hop(addr)
		r.appSide(near)
		if cfg.NearRules != "" {
			near.Policy = r.rules(cfg.NearRules, acl.Options{AllowPrivate: true, Unresolved: true})
		}
		addr = r.serve(near, sockstest.Plain)
	}
	slices.Reverse(r.addrs)
	return &sockstest.Endpoint{
		Addr: addr, Hops: r.addrs,
		Dials: func() int { return int(r.dials.Load()) },
		Drops: r.drops, Live: r.live, Ended: r.near.errors, Log: r.log.String, Reload: r.reload,
	}
}

// appSide makes s the server that apps connect to.
func (r *rig) appSide(s *server.Server) {
	r.app = s
	r.users(s)
	s.Limits.Handshake, s.Limits.LoginFailures, s.Limits.ConnsPerIP = r.cfg.Handshake, r.cfg.LoginFailures, r.cfg.ConnsPerIP
}

// last makes the server whose way out is this host's network.
func (r *rig) last() *server.Server {
	c := r.cfg
	direct := &server.Direct{FullCone: c.FullCone, Ports: server.PortRange{First: c.Ports[0], Last: c.Ports[1]}}
	if c.Advertise != "" {
		direct.Advertise = netip.MustParseAddr(c.Advertise)
	}
	if c.Resolver != "" {
		direct.Resolver = r.resolver(c.Resolver)
	}
	s := &server.Server{Outbound: &counted{Outbound: direct, dials: &r.dials, before: c.Dial}}
	s.Limits.Connect, s.Limits.BindWait, s.Limits.Warm = c.Connect, c.BindWait, c.Warm
	s.Limits.User = server.Quota{Conns: c.ConnsPerUser, Bandwidth: int64(c.Bandwidth), Datagrams: c.Datagrams}
	if c.ConnsPerUser > 0 && r.mode.Carrier == sockstest.MutualTLS {
		s.Auth = []server.Authenticator{auth.Certificate(certs.IdentityCN)}
	}
	if c.Rules != "" {
		s.Policy = r.rules(c.Rules, acl.Options{})
	}
	if c.Policy != nil {
		s.Policy = server.PolicyFunc(func(_ context.Context, _ *server.Session, t server.Target) error {
			if !c.Policy(t.Stage.String(), t.Host, t.Addr) {
				return errors.New("the test says no")
			}
			return nil
		})
	}
	return s
}

// rules returns the policy of a rule file.
func (r *rig) rules(text string, o acl.Options) *acl.Policy {
	file := filepath.Join(r.t.TempDir(), "rules.toml")
	err := os.WriteFile(file, []byte(text), 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	policy, err := acl.New(file, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return policy
}

// hop makes a server whose way out is the server at addr. Of two hops with client
// certificates each keeps connections warm.
func (r *rig) hop(addr string) *server.Server {
	d := &client.Dialer{Address: addr}
	if r.mode.Carrier != sockstest.Plain {
		d.TLS = r.clientTLS()
	}
	servers := forwarder.NewServers(d)
	if r.mode.Hops == 2 && r.mode.Carrier == sockstest.MutualTLS {
		r.keepWarm(servers)
	}
	return forwarder.New(servers)
}

// keepWarm has connections to servers kept warm until the test ends.
func (r *rig) keepWarm(servers *forwarder.Servers) {
	r.warm = append(r.warm, servers)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- servers.KeepWarm(ctx, client.Warm{}) }() // ends with ctx
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("KeepWarm: got %v, want nil", err)
		}
	})
}

// serve starts s for the length of the test, and returns its address.
func (r *rig) serve(s *server.Server, carrier sockstest.Carrier) string {
	r.t.Helper()
	c := r.cfg
	r.near = &records{open: make(map[*server.Session]struct{})}
	r.all = append(r.all, r.near)
	s.Observer, s.Log = r.near, r.log.logger()
	s.Limits.Idle, s.Limits.UDPIdle = c.Idle, c.UDPIdle
	s.UDPRoaming = c.UDPRoaming
	s.Commands = server.CommandConnect | server.CommandBind | server.CommandUDP
	if c.NoBind {
		s.Commands &^= server.CommandBind
	}
	if c.NoUDP {
		s.Commands &^= server.CommandUDP
	}
	host := "127.0.0.1"
	if r.mode.IPv6 {
		host = "::1"
	}
	if c.Host != "" && carrier != sockstest.Plain {
		host = c.Host
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		r.t.Fatal(err)
	}
	counted := &countedListener{l, &r.accepted, c.Foreign && s == r.app}
	serve := s.Serve
	if carrier != sockstest.Plain {
		s.TLS = r.serverTLS(carrier)
		serve = s.ServeTLS
	}
	done := make(chan error, 1)
	go func() { done <- serve(counted) }() // ends with s.Close
	r.t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, server.ErrServerClosed) {
			r.t.Errorf("serve: got %v, want ErrServerClosed", err)
		}
	})
	r.addrs = append(r.addrs, l.Addr().String())
	return l.Addr().String()
}

// counted counts what is asked of an Outbound, and lets a test get in before a
// dial.
type counted struct {
	server.Outbound
	dials  *atomic.Int64
	before func(ctx context.Context, network, address string) error
}

func (o *counted) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	o.dials.Add(1)
	if o.before != nil {
		if err := o.before(ctx, network, address); err != nil {
			return nil, err
		}
	}
	return o.Outbound.DialContext(ctx, network, address)
}

func (o *counted) Listen(ctx context.Context, network, peer string) (net.Listener, error) {
	o.dials.Add(1)
	return o.Outbound.Listen(ctx, network, peer)
}

func (o *counted) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	o.dials.Add(1)
	return o.Outbound.ListenPacket(ctx, network, address)
}

// countedListener counts what it accepts.
type countedListener struct {
	net.Listener
	accepted *atomic.Int64
	foreign  bool // what it accepts seems to come from elsewhere
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	if l.foreign {
		return foreign{c}, nil
	}
	return c, nil
}

// foreign is a conn from 127.0.0.N that seems to come from 192.0.2.N.
type foreign struct{ net.Conn }

// RemoteAddr implements net.Conn.
func (f foreign) RemoteAddr() net.Addr {
	tcp := *f.Conn.RemoteAddr().(*net.TCPAddr)
	tcp.IP = net.IPv4(192, 0, 2, tcp.IP.To4()[3])
	return &tcp
}

// RelayConn returns the conn that the bytes go over.
func (f foreign) RelayConn() net.Conn { return f.Conn }
