package forwarder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/socksctl/socksctl/client"
)

// DefaultLookUpEvery is the time between two look-ups of an [SRV]. The resolver
// of the system does not tell the TTL, but keeps to it where that is longer.
const DefaultLookUpEvery = 30 * time.Second

// SRV is servers as DNS has them (RFC 2782): their targets, ports, priorities and
// weights. They are looked up again and again while [Servers.Run] runs; what comes
// before the first answer waits for it.
//
// Who can forge answers of DNS can put servers of their own in: what keeps those
// out is the certificate, if it has to be of a CA that certifies nobody else, or
// to have a name or a key that does not come from DNS.
type SRV struct {
	Name        string // of the records, as "_socks._tcp.example.com"
	Dialer      func(host string, port uint16) *client.Dialer
	Resolver    *net.Resolver // nil is net.DefaultResolver
	LookUpEvery time.Duration // 0 is DefaultLookUpEvery
}

var errNoRecords = errors.New("no records")

// follow keeps s at what the records of its SRV say, until ctx ends. A look-up that
// fails leaves the servers that there are, and is logged if the one before did not
// fail.
func (s *Servers) follow(ctx context.Context) {
	failed := false
	for {
		servers, err := s.SRV.lookUp(ctx)
		if ctx.Err() != nil {
			return
		}
		s.take(servers, err, failed)
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.SRV.pause(len(s.all()) == 0)):
		}
	}
}

// take puts in force what a look-up has found. failed is what became of the one
// before.
func (s *Servers) take(servers []Server, err error, failed bool) {
	switch {
	case err == nil:
		s.Set(servers...)
		if failed {
			s.log().Info("servers are found again", "name", s.SRV.Name, "servers", len(servers))
		}
	case !failed:
		s.log().Warn("servers cannot be looked up", "name", s.SRV.Name, "err", err, "kept", len(s.all()))
	}
	if len(s.all()) == 0 {
		s.lose(cmp.Or(err, errNoRecords))
	}
}

// pause returns the time until the next look-up: without any server there is
// nothing to be spared.
func (srv *SRV) pause(empty bool) time.Duration {
	every := orDefault(srv.LookUpEvery, DefaultLookUpEvery)
	if empty {
		every = min(every, 2*firstBackOff)
	}
	return jittered(every)
}

// lookUp asks for the records, once.
func (srv *SRV) lookUp(ctx context.Context) ([]Server, error) {
	resolver := srv.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	_, records, err := resolver.LookupSRV(ctx, "", "", srv.Name)
	if len(records) == 0 {
		return nil, fmt.Errorf("look up the servers of %s: %w", srv.Name, cmp.Or(err, errNoRecords))
	}
	// They come in an order of chance; the draw is made for each request.
	slices.SortFunc(records, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
	var servers []Server
	for _, r := range records {
		host := strings.TrimSuffix(r.Target, ".")
		if host == "" { // says that there decidedly is no server
			continue
		}
		// A weight of 0 has a very small share where others have more.
		weight := max(int(r.Weight)*1000, 1)
		servers = append(servers, Server{Dialer: srv.Dialer(host, r.Port), Priority: int(r.Priority), Weight: weight})
	}
	return servers, nil
}

// lose remembers why there are no servers.
func (s *Servers) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = err
	s.tell()
}

// found waits for the first look-up, as long as a server may take to be reached.
func (s *Servers) found(ctx context.Context) {
	if s.SRV == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
	defer cancel()
	for {
		members, changed := s.watched()
		if len(members) > 0 || s.isLost() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// isLost tells whether it is known that there are no servers.
func (s *Servers) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost != nil
}
