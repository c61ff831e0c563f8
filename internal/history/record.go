// Package history is the record of sessions: the table of those that run, and
// what happens to them, told as it happens.
package history

import (
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/socksctl/socksctl/server"
)

// Record is a session as lists and files have it: one form in JSON for all. Text
// in it is as clients sent it, and is to be escaped for a terminal.
type Record struct {
	ID       uint64    `json:"id"`             // unique in the process
	Node     string    `json:"node,omitempty"` // the server's name
	Start    time.Time `json:"start"`
	Client   string    `json:"client"`
	Listener string    `json:"listener"`
	User     string    `json:"user,omitempty"`
	Groups   []string  `json:"groups,omitempty"`
	Tried    string    `json:"tried,omitempty"`       // the name of a login that was refused
	Method   string    `json:"method,omitempty"`      // by which the user was proven
	Serial   string    `json:"cert_serial,omitempty"` // of the client's certificate, in hexadecimal
	TLS      string    `json:"tls,omitempty"`         // its version: "1.2" or "1.3"; empty on a plain listener

	Command  string `json:"command,omitempty"`
	Host     string `json:"host,omitempty"` // as it was asked for
	Port     uint16 `json:"port,omitempty"`
	Resolved string `json:"resolved,omitempty"` // address and port that were dialled, or that connected
	Egress   string `json:"egress,omitempty"`   // our address and port on the far side
	Rule     string `json:"rule,omitempty"`     // that decided last
	Stage    string `json:"stage"`              // how far it came

	BytesUp       int64            `json:"bytes_up"`
	BytesDown     int64            `json:"bytes_down"`
	DatagramsUp   int64            `json:"datagrams_up"`
	DatagramsDown int64            `json:"datagrams_down"`
	RateUp        int64            `json:"rate_up"` // bytes a second, of late
	RateDown      int64            `json:"rate_down"`
	Dropped       map[string]int64 `json:"dropped,omitempty"` // datagrams, by reason
	Active        time.Time        `json:"active"`            // when something moved last; Start when nothing did
	Targets       []Target         `json:"targets,omitempty"` // of an association; left out of lists

	End     time.Time `json:"end,omitzero"`
	Reason  string    `json:"reason,omitempty"`  // why it ended, in a word: a server.EndReason
	Refusal byte      `json:"refusal,omitempty"` // the REP code by which the request was refused
	Error   string    `json:"error,omitempty"`   // what there is to say of the end; empty when both sides closed in order
}

// Target is one far end of an association. The last may be without host and
// address: it is all those for which there was no room.
type Target struct {
	Host          string    `json:"host,omitempty"`    // the name that was asked for
	Address       string    `json:"address,omitempty"` // empty while it is not known here
	Port          uint16    `json:"port,omitempty"`
	BytesUp       int64     `json:"bytes_up"`
	BytesDown     int64     `json:"bytes_down"`
	DatagramsUp   int64     `json:"datagrams_up"`
	DatagramsDown int64     `json:"datagrams_down"`
	First         time.Time `json:"first"`
	Last          time.Time `json:"last"`
}

// RecordOf returns s as it stands, without its targets. For a session that has not
// been admitted it is for the goroutine of that session only, as an Observer has it.
func RecordOf(s *server.Session) Record {
	r := Record{
		ID: s.ID, Node: s.Node(), Start: s.Start, Client: textOf(s.Client), Listener: s.Listener,
		User: s.Identity.User, Groups: s.Identity.Groups, Method: s.Identity.Method,
		Command: s.Command, Host: s.Host, Port: s.Port,
		Egress: textOf(s.Bound()), Rule: s.Rule(), Stage: s.Stage().String(),
		BytesUp: s.BytesUp.Load(), BytesDown: s.BytesDown.Load(),
		DatagramsUp: s.DatagramsUp.Load(), DatagramsDown: s.DatagramsDown.Load(),
		Active: s.Active(), End: s.Closed(), Reason: string(s.EndReason()), Refusal: s.Refusal(),
	}
	if s.Tried != s.Identity.User {
		r.Tried = s.Tried
	}
	if at := s.Resolved(); at.IsValid() {
		r.Resolved = at.String()
	}
	if dropped := s.Dropped(); len(dropped) > 0 {
		r.Dropped = dropped
	}
	if err := s.Err(); err != nil {
		r.Error = err.Error()
	}
	r.TLS, r.Serial = secured(s.TLS)
	return r
}

// TargetsOf returns the targets of s, and none where it is no association.
func TargetsOf(s *server.Session) []Target {
	var all []Target
	for _, r := range s.Remotes() {
		t := Target{
			Host: r.Host, Port: r.Addr.Port(), BytesUp: r.BytesUp, BytesDown: r.BytesDown,
			DatagramsUp: r.DatagramsUp, DatagramsDown: r.DatagramsDown, First: r.First, Last: r.Last,
		}
		if ip := r.Addr.Addr(); ip.IsValid() {
			t.Address = ip.String()
		}
		all = append(all, t)
	}
	return all
}

// secured returns the version of a connection, and the serial of the certificate
// that the client showed.
func secured(state *tls.ConnectionState) (version, serial string) {
	if state == nil {
		return "", ""
	}
	if len(state.PeerCertificates) > 0 {
		serial = state.PeerCertificates[0].SerialNumber.Text(16)
	}
	return strings.TrimPrefix(tls.VersionName(state.Version), "TLS "), serial
}

func textOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
