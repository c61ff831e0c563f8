package history

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/socksctl/socksctl/internal/human"
	"github.com/socksctl/socksctl/server"
)

// Status is where a session stands.
type Status string

// The statuses.
const (
	Open        Status = "open"
	Closed      Status = "closed"      // over, whether it came to anything or not
	Refused     Status = "refused"     // turned away
	Interrupted Status = "interrupted" // its process ended without a word on how it did
)

// Run is one life of a server, from start to end: ids of sessions are unique in
// it. It is written in hexadecimal.
type Run int64

// MarshalText implements encoding.TextMarshaler.
func (r Run) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", int64(r)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Run) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 16, 64)
	*r = Run(n)
	return err
}

// Record is a session as it is written down. Its JSON is the same everywhere,
// and fields are only ever added to it. What is not known is left out.
type Record struct {
	ID     uint64 `json:"id"` // unique in the run
	Run    Run    `json:"run,omitzero"`
	Node   string `json:"node,omitempty"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"` // why it ended, a server.EndReason or "interrupted"
	Stage  string `json:"stage"`            // how far it came, a server.Stage
	Reply  int    `json:"reply,omitempty"`  // the code by which the request was refused (RFC 1928, section 6)

	Start  time.Time `json:"start"`
	Active time.Time `json:"active"` // when bytes or datagrams moved last
	End    time.Time `json:"end,omitzero"`

	Client   string   `json:"client"`
	Via      string   `json:"via,omitempty"` // the balancer that said who the client is
	Listener string   `json:"listener"`
	TLS      string   `json:"tls,omitempty"`    // the version, "TLS 1.3"
	Serial   string   `json:"serial,omitempty"` // of the client's certificate, hexadecimal
	User     string   `json:"user,omitempty"`
	Tried    string   `json:"tried,omitempty"` // the name of a login that was refused
	Groups   []string `json:"groups,omitempty"`
	Method   string   `json:"method,omitempty"` // of the login

	Command  string         `json:"command,omitempty"`
	Host     string         `json:"host,omitempty"` // as asked for
	Port     int            `json:"port,omitempty"`
	Resolved netip.AddrPort `json:"resolved,omitzero"` // dialled, or that connected
	Egress   string         `json:"egress,omitempty"`  // the address on the far side that it used
	Rule     string         `json:"rule,omitempty"`    // that decided last

	Up            int64            `json:"up"` // bytes from the client
	Down          int64            `json:"down"`
	DatagramsUp   int64            `json:"datagrams_up,omitempty"`
	DatagramsDown int64            `json:"datagrams_down,omitempty"`
	Dropped       map[string]int64 `json:"dropped,omitempty"` // datagrams, by reason
	Targets       []Target         `json:"targets,omitempty"` // of an association
	Error         string           `json:"error,omitempty"`
}

// Target is one far end of an association. The one without host and address is
// all that there was no room to tell apart.
type Target struct {
	Host    string     `json:"host,omitempty"` // the name that was asked for
	Address netip.Addr `json:"address,omitzero"`
	Port    int        `json:"port,omitempty"`

	Up            int64     `json:"up"`
	Down          int64     `json:"down"`
	DatagramsUp   int64     `json:"datagrams_up"`
	DatagramsDown int64     `json:"datagrams_down"`
	First         time.Time `json:"first"`
	Last          time.Time `json:"last"`

	n int // its place among those of the session; -1 for the rest
}

// RecordOf returns the record of s as it stands. It is for sessions that have
// been opened or closed: before that, s is not to be looked at.
func RecordOf(s *server.Session) Record {
	r := Record{
		ID: s.ID, Node: s.Node(), Status: statusOf(s), Reason: string(s.EndReason()), Stage: s.Stage().String(), Reply: int(s.Refusal()),
		Start: inMicros(s.Start), Active: inMicros(s.Active()), End: inMicros(s.Closed()),
		Client: clean(human.Address(s.Client)), Listener: clean(s.Listener),
		User: clean(s.Identity.User), Method: s.Identity.Method,
		Command: s.Command, Resolved: s.Resolved(), Rule: clean(s.Rule()),
		Up: s.BytesUp.Load(), Down: s.BytesDown.Load(), DatagramsUp: s.DatagramsUp.Load(), DatagramsDown: s.DatagramsDown.Load(),
		Targets: targetsOf(s),
	}
	r.describe(s)
	return r
}

// describe fills in what is not there for every session.
func (r *Record) describe(s *server.Session) {
	if s.TLS != nil {
		r.TLS = tls.VersionName(s.TLS.Version)
		if len(s.TLS.PeerCertificates) > 0 {
			r.Serial = fmt.Sprintf("%x", s.TLS.PeerCertificates[0].SerialNumber)
		}
	}
	if s.Via != nil {
		r.Via = clean(human.Address(s.Via))
	}
	if s.Command != "udp" { // the address in its request is where the client sends from
		r.Host, r.Port = clean(s.Host), int(s.Port)
	}
	if s.Identity.User == "" {
		r.Tried = clean(s.Tried)
	}
	for _, g := range s.Identity.Groups {
		r.Groups = append(r.Groups, clean(g))
	}
	if bound := s.Bound(); bound != nil {
		r.Egress = clean(human.Address(bound))
	}
	r.Dropped = s.Dropped()
	if err := s.Err(); err != nil {
		r.Error = clean(err.Error())
	}
}

func statusOf(s *server.Session) Status {
	switch {
	case s.Closed().IsZero():
		return Open
	case s.Refused():
		return Refused
	}
	return Closed
}

func targetsOf(s *server.Session) []Target {
	var all []Target
	for i, r := range s.Remotes() {
		t := Target{
			Host: clean(r.Host), Address: r.Addr.Addr(), Port: int(r.Addr.Port()), n: i,
			Up: r.BytesUp, Down: r.BytesDown, DatagramsUp: r.DatagramsUp, DatagramsDown: r.DatagramsDown,
			First: inMicros(r.First), Last: inMicros(r.Last),
		}
		if r.Host == "" && r.Addr == (netip.AddrPort{}) {
			t.n = -1
		}
		all = append(all, t)
	}
	return all
}

// inMicros returns t as precisely as every store keeps it.
func inMicros(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
