package server

import "sync/atomic"

// decisions counts what sessions were told that they may and may not do.
type decisions struct{ allowed, denied atomic.Int64 }

// Decisions returns how often the Policy allowed and denied something so far. The
// ports of the server itself, and the other addresses that it refuses whatever
// the Policy says, count as denied. Datagrams are left out: what is denied of
// them is in [Session.Dropped].
func (s *Server) Decisions() (allowed, denied int64) {
	return s.judged.allowed.Load(), s.judged.denied.Load()
}

// add counts a decision about a target at stage.
func (d *decisions) add(stage Stage, err error) {
	switch {
	case stage == StageDatagram || stage == StageAnswer:
	case err == nil:
		d.allowed.Add(1)
	default:
		d.denied.Add(1)
	}
}
