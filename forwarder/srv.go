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
// weights.
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

// Follow keeps s at what the records of srv say, until ctx ends; then it returns
// nil. A look-up that fails leaves the servers that there are, and is logged if
// the one before did not fail.
func (s *Servers) Follow(ctx context.Context, srv SRV) error {
	failed := false
	for {
		servers, err := srv.lookUp(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			s.Set(servers...)
			if failed {
				s.log().Info("servers are found again", "name", srv.Name, "servers", len(servers))
			}
		case !failed:
			s.log().Warn("servers cannot be looked up", "name", srv.Name, "err", err, "kept", len(s.all()))
		}
		if failed = err != nil; failed {
			s.lose(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(srv.pause(failed && len(s.all()) == 0)):
		}
	}
}

// pause returns the time until the next look-up: without any server there is
// nothing to be spared.
func (srv SRV) pause(empty bool) time.Duration {
	every := orDefault(srv.LookUpEvery, DefaultLookUpEvery)
	if empty {
		every = min(every, 2*firstBackOff)
	}
	return jittered(every)
}

// lookUp asks for the records, once.
func (srv SRV) lookUp(ctx context.Context) ([]Server, error) {
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

// lose remembers why there are no servers, if there are none.
func (s *Servers) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) == 0 {
		s.lost = err
	}
}
