package server

import "time"

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

// StageObserver is an [Observer] that is also told how long sessions took for
// what comes before they are open. Passed comes whenever one enters a stage, on
// its own goroutine, and tells of the stage before. The stage that a session ends
// in it has not passed.
type StageObserver interface {
	Observer
	Passed(s *Session, stage Stage, took time.Duration)
}

// Passed tells the Observers that want to know.
func (o Observers) Passed(s *Session, stage Stage, took time.Duration) {
	for _, one := range o {
		if one, ok := one.(StageObserver); ok {
			one.Passed(s, stage, took)
		}
	}
}
