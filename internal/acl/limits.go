package acl

import (
	"fmt"
	"strconv"

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
		return fmt.Errorf("%q is not a whole number of 0 or more", b)
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

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(b []byte) (err error) {
	r.bytes, err = server.ParseBandwidth(string(b))
	return err
}
