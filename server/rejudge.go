package server

import (
	"context"
	"fmt"
)

// Rejudge asks Revalidate and the Policy again about every session that has
// logged in, ends those that are now denied, and returns how many that were. The
// others are held to the quotas that the Policy has for them now. It is for after
// a change of what Revalidate and the Policy say: a session that was judged by
// what they said before is caught, whatever it is doing at the moment.
func (s *Server) Rejudge() (ended int) {
	s.init()
	s.epoch.Add(1)
	for _, session := range s.all() {
		if session.Stage() < StageRequest { // looks at the epoch when it gets there
			continue
		}
		if err := session.rejudge(); err != nil {
			session.End(err)
			ended++
		}
	}
	return ended
}

// rejudge judges s as it stands, and brings its quotas up to date.
func (s *Session) rejudge() error {
	if revalidate := s.server.Revalidate; revalidate != nil {
		if err := revalidate(s); err != nil {
			return fmt.Errorf("%w: no longer let in: %w", ErrDenied, err)
		}
	}
	asked := s.asked.Load()
	if asked == nil {
		return nil
	}
	for _, t := range s.targets(*asked) {
		if err := s.judge(context.Background(), t); err != nil {
			return fmt.Errorf("no longer allowed: %w", err)
		}
	}
	s.server.accounts.update(s)
	return nil
}

// targets returns what was asked, and the address that came of it. Datagrams are
// judged one by one in any case.
func (s *Session) targets(asked Target) []Target {
	all := []Target{asked}
	resolved := s.Resolved()
	if !resolved.IsValid() {
		return all
	}
	reached := Target{Stage: StageDial, Host: asked.Host, Addr: resolved}
	if s.Command == "bind" {
		reached.Stage = StagePeer
	}
	return append(all, reached)
}

// catchUp is for a session that was accepted before a Rejudge which may have
// passed it by: it judges what has been proved and asked since.
func (s *Session) catchUp() error {
	if s.rules() == s.epoch {
		return nil
	}
	return s.rejudge()
}

// reached records the address that s has come to, which was allowed when rules
// were in force, and counts s in the quotas that come with it. A Rejudge that came
// meanwhile did not know of it.
func (s *Session) reached(t Target, rules uint64) error {
	if s == nil {
		return nil
	}
	s.setResolved(t.Addr)
	if s.rules() != rules {
		if err := s.judge(context.Background(), t); err != nil {
			return err
		}
	}
	return s.server.accounts.enter(s)
}

// rules returns the epoch of the rules that s is judged by.
func (s *Session) rules() uint64 {
	if s == nil {
		return 0
	}
	return s.server.epoch.Load()
}
