package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/server"
)

const sessionsPath = "/api/v1/sessions"

var (
	errNoSession = errors.New("no such session runs")
	errWhich     = errors.New("name the sessions to end by user, to or command, or say all=true")
)

// Sessions is the answer to a list.
type Sessions struct {
	Sessions []Session `json:"sessions"`
	Total    int       `json:"total"` // without the limit
}

// Session is one that runs. In a list it has the target that something passed to or
// from last, and no other.
type Session struct {
	history.Record
	RateUp      int64 `json:"rate_up"` // bytes a second, of late
	RateDown    int64 `json:"rate_down"`
	TargetCount int   `json:"target_count,omitempty"`
}

func sessionOf(s live.Session) Session {
	r := history.RecordOf(s.Session)
	return Session{Record: r, RateUp: s.RateUp, RateDown: s.RateDown, TargetCount: len(r.Targets)}
}

// listed returns s as a list has it.
func listed(s live.Session) Session {
	r := sessionOf(s)
	if len(r.Targets) > 1 {
		last := slices.MaxFunc(r.Targets, func(a, b history.Target) int { return a.Last.Compare(b.Last) })
		r.Targets = []history.Target{last}
	}
	return r
}

// Killed is the answer to a kill: the sessions that are being ended.
type Killed struct {
	Killed []uint64 `json:"killed"`
}

func (s *Server) routeSessions(mux *http.ServeMux) {
	if s.Live == nil {
		return
	}
	mux.HandleFunc("GET "+sessionsPath, s.sessions)
	mux.HandleFunc("GET "+sessionsPath+"/{id}", s.session)
	mux.HandleFunc("GET "+sessionsPath+"/follow", s.follow)
	mux.HandleFunc("POST "+sessionsPath+"/{id}/kill", s.kill)
	mux.HandleFunc("POST "+sessionsPath+"/kill", s.killAll)
}

// sessions answers with those that run, or some of them.
func (s *Server) sessions(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	found, total := s.Live.List(f)
	list := Sessions{make([]Session, 0, len(found)), total}
	for _, one := range found {
		list.Sessions = append(list.Sessions, listed(one))
	}
	answer(w, http.StatusOK, list)
}

// session answers with one.
func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	found, ok := s.one(r)
	if !ok {
		refuse(w, http.StatusNotFound, errNoSession)
		return
	}
	answer(w, http.StatusOK, sessionOf(found))
}

// kill ends one session.
func (s *Server) kill(w http.ResponseWriter, r *http.Request) {
	found, ok := s.one(r)
	if !ok {
		refuse(w, http.StatusNotFound, errNoSession)
		return
	}
	found.End(killedBy{r.RemoteAddr})
	s.Log.Info("session killed", "by", r.RemoteAddr, "id", found.ID)
	answer(w, http.StatusOK, Killed{[]uint64{found.ID}})
}

// one returns the session that the path of r names.
func (s *Server) one(r *http.Request) (live.Session, bool) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return live.Session{}, false
	}
	return s.Live.Get(id)
}

// killAll ends the sessions that the request describes.
func (s *Server) killAll(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	f, err := filterOf(query)
	all := query.Get("all") == "true"
	if err == nil && !all && f == (live.Filter{Sort: f.Sort, Limit: f.Limit}) {
		err = errWhich
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ids := s.Live.End(f, killedBy{r.RemoteAddr})
	if len(ids) > 0 {
		s.Log.Info("sessions killed", "by", r.RemoteAddr, "number", len(ids))
	}
	answer(w, http.StatusOK, Killed{ids})
}

// killedBy is the reason of a session that somebody killed.
type killedBy struct{ who string }

func (k killedBy) Error() string { return "killed by the administrator (" + k.who + ")" }

// Unwrap returns server.ErrKilled.
func (killedBy) Unwrap() error { return server.ErrKilled }

// filterOf reads the query of a list. A name that is misspelt is an error, and not
// a list of everything.
func filterOf(query url.Values) (f live.Filter, err error) {
	for name, values := range query {
		value, err := values[0], error(nil)
		switch name {
		case "user":
			f.User = value
		case "command":
			f.Command = value
		case "to":
			f.To, err = destination.Parse(value)
		case "since":
			f.Since, err = time.Parse(time.RFC3339, value)
		case "sort":
			f.Sort, err = live.ParseOrder(value)
		case "limit":
			f.Limit, err = strconv.Atoi(value)
		case "all":
			_, err = strconv.ParseBool(value)
		default:
			err = errors.New("there is no such parameter")
		}
		if err != nil {
			return f, fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return f, nil
}
