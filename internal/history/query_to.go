package history

import "github.com/socksctl/socksctl/internal/destination"

// place is columns that say where sessions went, and the tables that have them.
type place struct{ from, key, port string }

const (
	ofSessions = "sessions s"
	ofTargets  = "targets t JOIN sessions s ON s.run = t.run AND s.id = t.id"
)

// places returns where to look for what to is: as asked for, as reached, and among
// the targets. Only an address is what was reached.
func places(to destination.Pattern) []place {
	all := []place{{ofSessions, "s.host_key", "s.port"}, {ofTargets, "t.host_key", "t.port"}}
	if to.Prefix.IsValid() {
		all = append(all, place{ofSessions, "s.resolved_key", "s.resolved_port"}, place{ofTargets, "t.address_key", "t.port"})
	}
	return all
}

// wentTo appends a query for the keys of the sessions that match f, of which the
// destination is one. Each place is sorted and limited by itself, so that none
// gives more than it has to.
func (q *query) wentTo(f *Filter) {
	for i, w := range places(f.To) {
		if i > 0 {
			q.add(" UNION ")
		}
		distinct := ""
		if w.from == ofTargets { // of which a session may have several that match
			distinct = "DISTINCT "
		}
		q.add("SELECT run, id FROM (SELECT " + distinct + "s.run, s.id, s.start, s.bytes, s.written FROM " + w.from + " WHERE true")
		q.isAt(f.To, w)
		q.conditions(f)
		q.order(f)
		q.add(") AS b")
	}
}

// isAt appends the conditions for a destination.
func (q *query) isAt(to destination.Pattern, w place) {
	has := " AND " + w.key
	switch {
	case to.Prefix.IsSingleIP():
		q.add(has+" <> ''"+has+" = ?", addrKey(to.Prefix.Addr()))
	case to.Prefix.IsValid():
		first, last := keyRange(to.Prefix)
		q.add(has+" <> ''"+has+" >= ?"+has+" <= ?", first, last)
	case to.Below:
		key := hostKey(to.Name)
		q.add(has+" <> ''"+has+" >= ?"+has+" < ?", key+".", key+"/") // the slash follows the dot
	case to.Name != "":
		q.add(has+" <> ''"+has+" = ?", hostKey(to.Name))
	}
	if to.Port != 0 {
		q.add(" AND "+w.port+" <> 0 AND "+w.port+" = ?", int64(to.Port))
	}
}
