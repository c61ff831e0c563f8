package history

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// The columns of the tables, in the order in which they are written. Beside them
// sessions has written, which the database fills in.
const (
	sessionColumns = "run, id, node, status, reason, stage, reply, start, active, finish, client, via, listener, tls, serial, " +
		"username, tried, user_groups, method, command, host, host_key, port, resolved, resolved_key, resolved_port, egress, rule, " +
		"up, down, bytes, datagrams_up, datagrams_down, dropped, error"
	targetColumns = "run, id, n, start, host, host_key, address, address_key, port, up, down, datagrams_up, datagrams_down, first, last"
)

// columnsOf returns the names in a list of columns.
func columnsOf(list string) []string { return strings.Split(list, ", ") }

// sessionValues appends r to c as sessionColumns have it.
func (d dialect) sessionValues(c *cells, r *Record) error {
	groups, err := asJSON("[]", len(r.Groups), r.Groups)
	if err != nil {
		return err
	}
	dropped, err := asJSON("{}", len(r.Dropped), r.Dropped)
	if err != nil {
		return err
	}
	put(c, int64(r.Run), int64(r.ID))
	put(c, r.Node, string(r.Status), r.Reason, r.Stage)
	put(c, int64(r.Reply))
	c.values = append(c.values, d.stamp(r.Start), d.stamp(r.Active), d.stamp(r.End))
	put(c, r.Client, r.Via, r.Listener, r.TLS, r.Serial, r.User, r.Tried, groups, r.Method, r.Command, r.Host, hostKey(r.Host))
	put(c, int64(r.Port))
	put(c, addrText(r.Resolved.Addr()), addrKey(r.Resolved.Addr()))
	put(c, int64(r.Resolved.Port()))
	put(c, r.Egress, r.Rule)
	put(c, r.Up, r.Down, r.Up+r.Down, r.DatagramsUp, r.DatagramsDown)
	put(c, dropped, r.Error)
	return nil
}

// asJSON returns v, which holds n things, and empty when it holds none, as mostly.
func asJSON(empty string, n int, v any) (string, error) {
	if n == 0 {
		return empty, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// targetValues returns t, a target of r, as targetColumns have it.
func (d dialect) targetValues(r *Record, t *Target) []any {
	return []any{
		int64(r.Run), int64(r.ID), int64(t.n), d.stamp(r.Start), t.Host, hostKey(t.Host), addrText(t.Address), addrKey(t.Address), int64(t.Port),
		t.Up, t.Down, t.DatagramsUp, t.DatagramsDown, d.stamp(t.First), d.stamp(t.Last),
	}
}

// addrText returns an address, and nothing for none.
func addrText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.Unmap().WithZone("").String()
}

// scanner is a row of a result.
type scanner interface{ Scan(to ...any) error }

// scanSession reads what sessionColumns have.
func scanSession(row scanner) (Record, error) {
	var (
		r                Record
		groups, dropped  []byte
		key, resolved    string
		resolvedPort     uint16
		bytes            int64
		start, act, done stamp
	)
	err := row.Scan(&r.Run, &r.ID, &r.Node, &r.Status, &r.Reason, &r.Stage, &r.Reply, &start, &act, &done, &r.Client, &r.Via, &r.Listener, &r.TLS, &r.Serial,
		&r.User, &r.Tried, &groups, &r.Method, &r.Command, &r.Host, &key, &r.Port, &resolved, &key, &resolvedPort, &r.Egress, &r.Rule,
		&r.Up, &r.Down, &bytes, &r.DatagramsUp, &r.DatagramsDown, &dropped, &r.Error)
	if err != nil {
		return r, err
	}
	r.Start, r.Active, r.End = start.Time, act.Time, done.Time
	if ip, err := netip.ParseAddr(resolved); err == nil {
		r.Resolved = netip.AddrPortFrom(ip, resolvedPort)
	}
	if err := json.Unmarshal(groups, &r.Groups); err != nil {
		return r, fmt.Errorf("user_groups: %w", err)
	}
	if err := json.Unmarshal(dropped, &r.Dropped); err != nil {
		return r, fmt.Errorf("dropped: %w", err)
	}
	if len(r.Groups) == 0 {
		r.Groups = nil
	}
	if len(r.Dropped) == 0 {
		r.Dropped = nil
	}
	return r, nil
}

// scanTarget reads what targetColumns have, and says whose it is.
func scanTarget(row scanner) (key recordKey, t Target, err error) {
	var (
		start, first, last stamp
		unused, address    string
	)
	err = row.Scan(&key.run, &key.id, &t.n, &start, &t.Host, &unused, &address, &unused, &t.Port,
		&t.Up, &t.Down, &t.DatagramsUp, &t.DatagramsDown, &first, &last)
	if ip, parseErr := netip.ParseAddr(address); parseErr == nil {
		t.Address = ip
	}
	t.First, t.Last = first.Time, last.Time
	return key, t, err
}

// recordKey tells records apart.
type recordKey struct {
	run Run
	id  uint64
}

// stamp is a time as any database returns it: microseconds since 1970, or a time.
type stamp struct{ time.Time }

// Scan implements sql.Scanner.
func (s *stamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		s.Time = time.Time{}
	case int64:
		s.Time = time.UnixMicro(v).UTC()
	case time.Time:
		s.Time = v.UTC()
	default:
		return fmt.Errorf("a %T is not a time", v)
	}
	return nil
}
