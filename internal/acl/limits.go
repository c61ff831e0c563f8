package acl

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/socksctl/socksctl/server"
)

// limits is a table "limits" of the file. What it leaves out is nil; 0 is no
// limit.
type limits struct {
	Conns        *count `toml:"max_conns"`
	Binds        *count `toml:"max_binds"`
	Associations *count `toml:"max_associations"`
	Bandwidth    *rate  `toml:"bandwidth"`
	Datagrams    *count `toml:"datagrams"`
	Targets      *count `toml:"max_targets"`
}

// fill takes from other what l leaves out.
func (l *limits) fill(other limits) {
	orElse(&l.Conns, other.Conns)
	orElse(&l.Binds, other.Binds)
	orElse(&l.Associations, other.Associations)
	orElse(&l.Bandwidth, other.Bandwidth)
	orElse(&l.Datagrams, other.Datagrams)
	orElse(&l.Targets, other.Targets)
}

func orElse[T any](p **T, other *T) {
	if *p == nil {
		*p = other
	}
}

// over returns q with what l says in the place of what q does.
func (l limits) over(q server.Quota) server.Quota {
	l.Conns.over(&q.Conns)
	l.Binds.over(&q.Binds)
	l.Associations.over(&q.Associations)
	l.Datagrams.over(&q.Datagrams)
	l.Targets.over(&q.Targets)
	if l.Bandwidth != nil {
		q.Bandwidth = l.Bandwidth.bytes
	}
	return q
}

// count is a number of things.
type count struct{ n int }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *count) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not a number of things", b)
	}
	c.n = int(n)
	return nil
}

// over puts c, if it is said, in the place of n.
func (c *count) over(n *int) {
	if c != nil {
		*n = c.n
	}
}

// rate is bytes a second.
type rate struct{ bytes int64 }

// leastRate is the least bandwidth that lets anything happen before a client
// gives up.
const leastRate = 1 << 10

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(b []byte) error {
	digits := strings.TrimRight(string(b), "BKMGTik ")
	unit, known := unitOf(strings.TrimSpace(string(b[len(digits):])))
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf(`%q is not a bandwidth such as "10MiB", "512KiB", "1MB" or "1000000"`, b)
	}
	if n *= unit; n != 0 && n < leastRate {
		return fmt.Errorf("%q is less than 1KiB, and 0 is no limit", b)
	}
	r.bytes = n
	return nil
}

// unitOf returns how many bytes a unit is.
func unitOf(s string) (int64, bool) {
	switch s {
	case "", "B":
		return 1, true
	case "KB", "kB":
		return 1e3, true
	case "KiB":
		return 1 << 10, true
	case "MB":
		return 1e6, true
	case "MiB":
		return 1 << 20, true
	case "GB":
		return 1e9, true
	case "GiB":
		return 1 << 30, true
	}
	return 1, false
}
