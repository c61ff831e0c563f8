package live

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/server"
)

// Filter says which sessions are meant, and how they are listed. The zero Filter
// is all, in the order in which they came.
type Filter struct {
	User    string
	Command string
	To      destination.Pattern
	Since   time.Time // of the start; the zero Time is any
	Sort    Order
	Limit   int // 0: no limit
}

// match tells whether f is about s, which has been admitted or is told of by the
// goroutine of its own.
func (f Filter) match(s *server.Session) bool {
	return (f.User == "" || f.User == s.Identity.User) && (f.Command == "" || f.Command == s.Command) &&
		!s.Start.Before(f.Since) && goesTo(f.To, s)
}

// goesTo tells whether to is where s goes. An association goes to each of its
// targets.
func goesTo(to destination.Pattern, s *server.Session) bool {
	switch {
	case to == destination.Pattern{}:
		return true
	case s.Command == "udp":
		return slices.ContainsFunc(s.Remotes(), func(r server.Remote) bool { return to.Match(r.Host, r.Addr.Port(), r.Addr) })
	}
	return to.Match(s.Host, s.Port, s.Resolved())
}

// arrange sorts sessions, and cuts what is over the limit.
func (f Filter) arrange(sessions []Session) []Session {
	slices.SortFunc(sessions, f.Sort.compare)
	if f.Limit > 0 && len(sessions) > f.Limit {
		return sessions[:f.Limit]
	}
	return sessions
}

// Order is what a list is sorted by: a key of [Orders], or one with a "-" before it
// for the other way around. The zero Order is that of the ids.
type Order string

// Orders returns the keys of an [Order]. Text and times ascend, amounts descend.
func Orders() []string {
	return []string{"id", "start", "user", "client", "command", "to", "up", "down", "bytes", "rate"}
}

// ParseOrder returns s as an Order.
func ParseOrder(s string) (Order, error) {
	if s != "" && !slices.Contains(Orders(), strings.TrimPrefix(s, "-")) {
		return "", fmt.Errorf("sort by %q: want %s, or one with - before it", s, strings.Join(Orders(), ", "))
	}
	return Order(s), nil
}

// compare puts what is equal in the order of the ids.
func (o Order) compare(a, b Session) int {
	key, reversed := strings.CutPrefix(string(o), "-")
	order := compareBy(key, a, b)
	if reversed {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.ID, b.ID))
}

func compareBy(key string, a, b Session) int {
	switch key {
	case "start":
		return a.Start.Compare(b.Start)
	case "user":
		return strings.Compare(a.Identity.User, b.Identity.User)
	case "client":
		return strings.Compare(a.Client.String(), b.Client.String())
	case "command":
		return strings.Compare(a.Command, b.Command)
	case "to":
		return cmp.Or(strings.Compare(strings.ToLower(a.Host), strings.ToLower(b.Host)), cmp.Compare(a.Port, b.Port))
	case "up":
		return cmp.Compare(b.Up, a.Up)
	case "down":
		return cmp.Compare(b.Down, a.Down)
	case "bytes":
		return cmp.Compare(b.Up+b.Down, a.Up+a.Down)
	case "rate":
		return cmp.Compare(b.RateUp+b.RateDown, a.RateUp+a.RateDown)
	}
	return cmp.Compare(a.ID, b.ID)
}
