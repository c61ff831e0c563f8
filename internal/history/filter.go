package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/server"
)

// Order is what records are sorted by, the greatest first.
type Order string

// The orders.
const (
	ByStart Order = "start"
	ByBytes Order = "bytes" // both ways together
)

// Filter says which records are meant. The zero Filter means all.
type Filter struct {
	User         string
	To           destination.Pattern
	Status       string    // a Status or a reason
	Since, Until time.Time // of the start; Until is not included
	Order        Order     // empty: ByStart
	Limit        int       // 0: none

	// Follow has the records yielded as they are written, from now on and until the
	// context ends; Order and Limit do not count then, nor do open sessions.
	Follow bool

	// writtenSince leaves out what was written before, and what is open, and has
	// the records in the order in which they were written.
	writtenSince time.Time
}

// ParseStatus returns s, if it is a status or a reason.
func ParseStatus(s string) (string, error) {
	if s == "" || isStatus(s) || isReason(s) {
		return s, nil
	}
	return "", fmt.Errorf("%q is neither open, closed, refused or interrupted nor why a session ends", s)
}

// isStatus tells a status from a reason.
func isStatus(s string) bool {
	return slices.Contains([]Status{Open, Closed, Refused, Interrupted}, Status(s))
}

func isReason(s string) bool {
	switch server.EndReason(s) {
	case server.EndOK, server.EndDenied, server.EndQuota, server.EndLogin, server.EndLimit, server.EndTLS, server.EndIncomplete,
		server.EndFailed, server.EndIdle, server.EndAborted, server.EndShutdown, server.EndKilled:
		return true
	}
	return false
}

// Axis is what totals are for.
type Axis string

// The axes.
const (
	PerUser        Axis = "user"
	PerDestination Axis = "destination"
)

// Total is what sessions of one user, or to one destination, come to.
type Total struct {
	User        string `json:"user,omitempty"`
	Destination string `json:"destination,omitempty"`

	Sessions      int64     `json:"sessions"`
	Refused       int64     `json:"refused"` // of them
	Up            int64     `json:"up"`
	Down          int64     `json:"down"`
	DatagramsUp   int64     `json:"datagrams_up"`
	DatagramsDown int64     `json:"datagrams_down"`
	First         time.Time `json:"first"` // start
	Last          time.Time `json:"last"`  // start
}
