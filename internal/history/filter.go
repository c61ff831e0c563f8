package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/server"
)

// Filter says which sessions are meant, and how they are listed. The zero Filter
// is all, in the order in which they came.
type Filter struct {
	ID      uint64 // 0: any
	User    string
	Command string
	To      Destination
	Sort    Order
	Limit   int // 0: no limit
}

// match tells whether f is about s, which has been admitted or is told of by the
// goroutine of its own.
func (f Filter) match(s *server.Session) bool {
	return (f.ID == 0 || f.ID == s.ID) && (f.User == "" || f.User == s.Identity.User) &&
		(f.Command == "" || f.Command == s.Command) && f.To.of(s)
}

// arrange sorts records, and cuts what is over the limit.
func (f Filter) arrange(records []Record) []Record {
	slices.SortFunc(records, f.Sort.compare)
	if f.Limit > 0 && len(records) > f.Limit {
		return records[:f.Limit]
	}
	return records
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
func (o Order) compare(a, b Record) int {
	key, reversed := strings.CutPrefix(string(o), "-")
	order := compareBy(key, a, b)
	if reversed {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.ID, b.ID))
}

func compareBy(key string, a, b Record) int {
	switch key {
	case "start":
		return a.Start.Compare(b.Start)
	case "user":
		return strings.Compare(a.User, b.User)
	case "client":
		return strings.Compare(a.Client, b.Client)
	case "command":
		return strings.Compare(a.Command, b.Command)
	case "to":
		return cmp.Or(strings.Compare(strings.ToLower(a.Host), strings.ToLower(b.Host)), cmp.Compare(a.Port, b.Port))
	case "up":
		return cmp.Compare(b.BytesUp, a.BytesUp)
	case "down":
		return cmp.Compare(b.BytesDown, a.BytesDown)
	case "bytes":
		return cmp.Compare(b.BytesUp+b.BytesDown, a.BytesUp+a.BytesDown)
	case "rate":
		return cmp.Compare(b.RateUp+b.RateDown, a.RateUp+a.RateDown)
	}
	return cmp.Compare(a.ID, b.ID)
}
