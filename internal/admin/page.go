package admin

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/page"
)

const pagePath = "/"

// What the page has room for.
const (
	pageSessions = 50
	pageShares   = 8
)

// pagePolicy lets the page have what comes with it, and nothing else: no script and
// no style that is written in it, nothing of other places, and no frame around it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// routePage adds the status page, and the login to it.
func (s *Server) routePage(mux *http.ServeMux) {
	if !s.hasPage() {
		return
	}
	mux.HandleFunc("GET "+pagePath+"{$}", s.page)
	mux.HandleFunc("POST "+loginPath, s.login)
	for _, name := range page.Assets() {
		mux.HandleFunc("GET "+pagePath+name, asset(name))
	}
}

func (s *Server) hasPage() bool { return s.Live != nil && s.Status != nil }

// asset answers with a file of the page.
func asset(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		text, kind, err := page.Asset(name)
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		pageHead(w, kind)
		_, _ = w.Write(text) // a client that has gone has no use for it
	}
}

func pageHead(w http.ResponseWriter, kind string) {
	head(w, kind)
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// page answers with the status page.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var text bytes.Buffer
	if err := s.pages.Status(&text, s.draft(time.Now())); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	pageHead(w, "text/html; charset=utf-8")
	_, _ = w.Write(text.Bytes())
}

// draft returns what is on the page.
func (s *Server) draft(now time.Time) *page.Page {
	status := s.status()
	p := &page.Page{Service: status.Service, Version: status.Version, Started: status.Started, Now: now, Unready: status.Reason}
	for _, l := range status.Listeners {
		p.Listeners = append(p.Listeners, l.Address+" ("+l.Protocol+")")
	}
	for _, name := range []string{"connect", "bind", "udp"} {
		p.Commands = append(p.Commands, page.Count{Name: name, N: int64(status.Sessions[name])})
	}
	if c := status.Certificate; c != nil {
		p.Certificate = &page.Certificate{Subject: c.Subject, NotAfter: c.NotAfter}
	}
	for _, u := range status.Servers {
		one := page.Server{Name: u.Server, Latency: time.Duration(u.Latency * float64(time.Second)), Sessions: u.Sessions}
		if !u.Up {
			one.Error = cmp.Or(u.Error, "no answer")
		}
		p.Servers = append(p.Servers, one)
	}
	for reason, n := range s.Live.Refusals() {
		p.Refusals = append(p.Refusals, page.Count{Name: string(reason), N: n})
	}
	slices.SortFunc(p.Refusals, func(a, b page.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	s.draftTraffic(p)
	return p
}

// draftTraffic fills in what moves.
func (s *Server) draftTraffic(p *page.Page) {
	p.Chart = page.Chart{Until: p.Now, Span: live.SampleSpan}
	for _, sample := range s.Live.Samples() {
		p.Chart.Points = append(p.Chart.Points, page.Point{At: sample.At, Up: sample.Up, Down: sample.Down})
		p.Up, p.Down = sample.Up, sample.Down // of the last one
	}
	running, total := s.Live.List(live.Filter{Sort: "rate"})
	p.Total = total
	users, destinations := make(shares), make(shares)
	for i, one := range running {
		users.add(one.Identity.User, one.Up+one.Down)
		destinations.addFar(one)
		if i < pageSessions {
			p.Sessions = append(p.Sessions, onPage(one))
		}
	}
	p.Users, p.Destinations = users.greatest(), destinations.greatest()
}

// onPage returns a session as the page has it.
func onPage(s live.Session) page.Session {
	r := listed(s)
	return page.Session{
		ID: r.ID, User: r.User, Client: r.Client, Command: r.Command, Destination: r.Destination(r.TargetCount), Rule: r.Rule,
		Up: r.Up, Down: r.Down, Rate: r.RateUp + r.RateDown, Start: r.Start,
	}
}

// shares is what sessions do together, by name.
type shares map[string]page.Share

func (a shares) add(name string, moved int64) {
	one := a[name]
	one.Name, one.Sessions, one.Bytes = name, one.Sessions+1, one.Bytes+moved
	a[name] = one
}

// addFar adds a session to where it goes. An association goes to each of its
// targets.
func (a shares) addFar(s live.Session) {
	if s.Command != "udp" {
		a.add(s.Host, s.Up+s.Down)
		return
	}
	for _, r := range s.Remotes() {
		name := r.Host
		if name == "" && r.Addr.Addr().IsValid() {
			name = r.Addr.Addr().String()
		}
		a.add(name, r.BytesUp+r.BytesDown)
	}
}

// greatest returns those that moved most.
func (a shares) greatest() []page.Share {
	all := make([]page.Share, 0, len(a))
	for _, one := range a {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b page.Share) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(len(all), pageShares)]
}
