package forwarder

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
)

// DefaultCheckEvery is the time between two checks of a server that works.
const DefaultCheckEvery = 30 * time.Second

// ErrNoServer tells that there is no server to try, because a look-up has not
// found one.
var ErrNoServer = fmt.Errorf("there is no server: %w", socks5.NetworkUnreachable)

// Server is one of [Servers].
type Server struct {
	Dialer   *client.Dialer
	Priority int // a server is for when those of a lower priority are down
	Weight   int // its share among servers of the same priority; see [Balance]
}

// Servers is several SOCKS servers as one way out: each connection, BIND listener
// and association goes to one of them and stays there. Which one, Balance says.
//
// A server that cannot be reached or logged in to is set aside, and the request
// goes to the next within the time that one server would have, unless a server
// has answered it: what a server says of a target is an answer, a refusal too.
// Nothing is asked twice after that. When all are set aside all are tried, in
// order, and the error is that of the last.
//
// [Servers.Run] checks the servers by handshakes, finds out when one is back, and
// looks them up where DNS says who they are. Without checks, one that was set aside
// is tried again by a connection once its time is over.
//
// The fields are set before the first call and not changed after.
type Servers struct {
	Balance    Balance
	SRV        *SRV          // where the servers come from; nil: from Set
	CheckEvery time.Duration // 0 is DefaultCheckEvery; below 0 there are no checks
	Log        *slog.Logger  // gets a line when a server goes down and when it is back; nil logs nothing

	mu      sync.Mutex
	members []*member
	changed chan struct{} // closed when there are other members, or lost says why there are none
	lost    error         // why there are none; nil before the first look-up
	running int           // calls of Run that check
	leader  *member       // whom Latency chose last
}

// NewServers returns Servers of the same priority, tried in the order given.
func NewServers(dialers ...*client.Dialer) *Servers {
	servers := make([]Server, len(dialers))
	for i, d := range dialers {
		servers[i].Dialer = d
	}
	s := new(Servers)
	s.Set(servers...)
	return s
}

// Set replaces the servers. What is known of one stays known if its URL is among
// the new ones, and its Dialer in use; of two with the same URL the first counts.
// What is open stays open, whichever server it is on.
func (s *Servers) Set(servers ...Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[string]*member)
	for _, m := range s.members {
		known[m.url] = m
	}
	s.members = nil
	taken := make(map[string]bool)
	for _, server := range servers {
		url := server.Dialer.URL()
		if taken[url] {
			continue
		}
		taken[url] = true
		m := known[url]
		if m == nil {
			m = &member{dialer: server.Dialer, url: url, due: make(chan struct{}, 1)}
		}
		m.priority, m.weight = server.Priority, server.Weight
		s.members = append(s.members, m)
	}
	s.lost = nil
	s.tell()
}

// tell wakes who waits for other members. s.mu is held.
func (s *Servers) tell() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Patience returns how long a request may take to be answered and a BIND to have
// its peer: as long as with the one server that takes longest.
func (s *Servers) Patience() (reply, peer time.Duration) {
	reply, peer = new(client.Dialer).Patience()
	for i, m := range s.all() {
		r, p := m.dialer.Patience()
		if i == 0 {
			reply, peer = r, p
		}
		reply, peer = max(reply, r), max(peer, p)
	}
	return reply, peer
}

// Status is what is known of one server.
type Status struct {
	Server   string        // its URL, without the password
	Up       bool          // it is not set aside
	Err      error         // the last failure, which may be long past; nil when there was none
	Latency  time.Duration // to reach it, TLS included, smoothed; 0 when it was not reached yet
	Sessions int           // connections, BIND listeners and associations that are open on it
	Warm     int           // connections that wait for a request
}

// Status returns what is known of each server, in their order.
func (s *Servers) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, len(s.members))
	for i, m := range s.members {
		all[i] = Status{m.url, m.failures == 0, m.err, m.latency, int(m.sessions.Load()), m.dialer.Warm()}
	}
	return all
}

// Ready returns nil if a server is up, and otherwise why one is down.
func (s *Servers) Ready() error {
	err := s.nobody()
	for _, status := range s.Status() {
		if status.Up {
			return nil
		}
		err = status.Err
	}
	return err
}

// all returns the members in their order.
func (s *Servers) all() []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*member(nil), s.members...)
}

// nobody returns why there are no servers.
func (s *Servers) nobody() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		return ErrNoServer
	}
	return fmt.Errorf("%w: %w", ErrNoServer, s.lost)
}

func (s *Servers) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
