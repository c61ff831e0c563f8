package server

// overshoot is how many connections may be accepted in the place of others that
// have not let go of their sockets yet: to accept faster than that would use up
// the descriptors.
const overshoot = 16

// makeRoom is for a new connection that is counted, and for what else takes a
// descriptor. When that is one too many, a connection that has not asked for
// anything yet gives way: a warm one first.
func (s *Server) makeRoom() error {
	if !s.full() {
		return nil
	}
	gone := s.warm.oldest()
	if gone == nil {
		gone = s.waiting.oldest()
	}
	if gone == nil {
		return ErrTooMany
	}
	s.crowdOut(gone)
	return nil
}

// full tells whether there is more than there is room for, but for the
// connections that are giving way.
func (s *Server) full() bool {
	limits := s.inForce()
	s.mu.Lock()
	defer s.mu.Unlock()
	open := len(s.sessions) - len(s.leaving)
	return open > limits.Conns || limits.files > 0 && 2*open+s.thirds > limits.files
}

// crowdOut ends a session in favour of a newer one. It waits while there are too
// many that have been told to and are not over.
func (s *Server) crowdOut(session *Session) {
	select {
	case s.leaving <- struct{}{}:
		s.mu.Lock()
		if _, live := s.sessions[session.ID]; live {
			session.leaving = true
		} else {
			<-s.leaving
		}
		s.mu.Unlock()
	case <-s.stopped:
	}
	session.End(errCrowdedOut)
}

// register counts a session in, unless the server is closed.
func (s *Server) register(session *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	s.sessions[session.ID] = session
	return true
}

// unregister counts a session out.
func (s *Server) unregister(session *Session) {
	s.mu.Lock()
	delete(s.sessions, session.ID)
	if session.leaving {
		<-s.leaving
	}
	s.mu.Unlock()
	s.running.Done()
}

// third counts the third descriptor of a session, for which there may be no
// room.
func (s *Server) third() error {
	s.addThird(1)
	if s.inForce().files == 0 {
		return nil
	}
	err := s.makeRoom()
	if err != nil {
		s.addThird(-1)
	}
	return err
}

func (s *Server) addThird(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thirds += n
}
