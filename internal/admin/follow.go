package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/live"
)

// Who follows holds a connection for as long as it likes.
const (
	maxFollowers  = 16
	followTimeout = 30 * time.Second // for one event to be taken
)

// Event is something that happened to a session.
type Event struct {
	Kind    live.Kind       `json:"event"`
	Time    time.Time       `json:"time"`
	Session *history.Record `json:"session,omitempty"` // none when events were lost
	Lost    int64           `json:"lost,omitempty"`    // how many
}

func eventOf(e live.Event) Event {
	event := Event{Kind: e.Kind, Time: e.Time.UTC().Truncate(time.Microsecond), Lost: e.Lost} // as records have times
	if e.Session != nil {
		r := history.RecordOf(e.Session)
		event.Session = &r
	}
	return event
}

var errFollowers = errors.New("too many follow already")

// follow answers with events as they come, one a line, until the client has enough
// or the service ends.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	select {
	case s.following <- struct{}{}:
		defer func() { <-s.following }()
	default:
		refuse(w, http.StatusServiceUnavailable, errFollowers)
		return
	}
	events := s.Live.Follow(f)
	defer events.Close()
	head(w, "application/jsonl")
	_ = s.pass(r, events, http.NewResponseController(w), json.NewEncoder(w)) // ends with its client, who knows
}

// pass writes events until something ends it.
func (s *Server) pass(r *http.Request, events *live.Follower, control *http.ResponseController, to *json.Encoder) error {
	if err := control.SetReadDeadline(time.Time{}); err != nil { // the request has come; a client that hangs up is still noticed
		return err
	}
	if err := control.Flush(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	for {
		event, err := events.Next(ctx)
		if err != nil {
			return err
		}
		err = errors.Join(control.SetWriteDeadline(time.Now().Add(followTimeout)), to.Encode(eventOf(event)), control.Flush())
		if err != nil {
			return err
		}
	}
}
