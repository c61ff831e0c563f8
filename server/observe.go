package server

// Observer is told of sessions. Opened comes when one is admitted: its login and
// request are known and allowed. Closed comes for every connection accepted,
// admitted or not, exactly once, after its sockets are closed; its counters are
// final then. Both are called on the session's own goroutine: an Observer that
// has to wait for something hands the work on.
type Observer interface {
	Opened(*Session)
	Closed(*Session)
}

// Observers is several Observers, told in order.
type Observers []Observer

// Opened tells every Observer.
func (o Observers) Opened(s *Session) {
	for _, one := range o {
		one.Opened(s)
	}
}

// Closed tells every Observer.
func (o Observers) Closed(s *Session) {
	for _, one := range o {
		one.Closed(s)
	}
}
