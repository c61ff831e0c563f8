// Package page draws the status page of a service: HTML of what it is given, with a
// style and a script beside it. It reads nothing and serves nothing.
package page

import (
	"embed"
	"html/template"
	"io"
	"strconv"
	"time"

	"github.com/socksctl/socksctl/internal/human"
)

//go:embed files
var files embed.FS

// Page is what there is to see. Text in it may be of anyone: it is escaped.
type Page struct {
	Service string // "serve" or "forward"
	Version string
	Started time.Time
	Now     time.Time
	Unready string // why it is not ready; empty: it is

	Listeners []string
	Commands  []Count // sessions that run
	Up, Down  int64   // bytes a second, from and to clients
	Chart     Chart

	Certificate  *Certificate // nil: it shows none
	Servers      []Server     // of a forwarder
	Refusals     []Count      // since the start, by reason
	Users        []Share      // those that move most
	Destinations []Share
	Sessions     []Session // those that move most
	Total        int       // how many run
}

// Count is a number of something.
type Count struct {
	Name string
	N    int64
}

// Share is what some of the sessions that run do together.
type Share struct {
	Name     string
	Sessions int
	Bytes    int64 // so far, both ways
}

// Session is one that runs.
type Session struct {
	ID                                       uint64
	User, Client, Command, Destination, Rule string
	Up, Down, Rate                           int64
	Start                                    time.Time
}

// Server is one that a forwarder goes through.
type Server struct {
	Name     string
	Error    string // of one that is down; empty: it is up
	Latency  time.Duration
	Sessions int
}

// Certificate is what clients, or servers, are shown.
type Certificate struct {
	Subject  string
	NotAfter time.Time
}

// expirySoon is when the end of a certificate becomes worth a colour.
const expirySoon = 14 * 24 * time.Hour

// Left returns how long p's certificate is good for, in words.
func (p *Page) Left() string {
	left := p.Certificate.NotAfter.Sub(p.Now)
	if left <= 0 {
		return "expired"
	}
	return human.Took(left)
}

// Health returns the class of p's certificate.
func (p *Page) Health() string {
	switch left := p.Certificate.NotAfter.Sub(p.Now); {
	case left <= 0:
		return "bad"
	case left < expirySoon:
		return "soon"
	}
	return "good"
}

// More returns how many sessions run beside those on the page.
func (p *Page) More() int { return p.Total - len(p.Sessions) }

// Refused returns how many were refused in all.
func (p *Page) Refused() (n int64) {
	for _, c := range p.Refusals {
		n += c.N
	}
	return n
}

// Renderer draws pages. Its methods may be called from any goroutine.
type Renderer struct{ pages *template.Template }

// New returns a Renderer.
func New() *Renderer {
	functions := template.FuncMap{
		"size": human.Size, "rate": human.Rate, "took": human.Took,
		"text": func(s string) string { // of others
			if s == "" {
				return "-"
			}
			return human.Visible(s)
		},
		"minutes": func(d time.Duration) int { return int(d.Minutes()) },
		"millis":  func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" },
	}
	return &Renderer{template.Must(template.New("").Funcs(functions).ParseFS(files, "files/*.html"))}
}

// Status writes the page of a service.
func (r *Renderer) Status(w io.Writer, p *Page) error {
	return r.pages.ExecuteTemplate(w, "status.html", p)
}

// Login writes the page that asks for the token, with what was wrong with the last
// one.
func (r *Renderer) Login(w io.Writer, wrong string) error {
	return r.pages.ExecuteTemplate(w, "login.html", wrong)
}

// Asset returns a file that pages refer to, and its kind.
func Asset(name string) (text []byte, kind string, err error) {
	kinds := map[string]string{"status.css": "text/css; charset=utf-8", "status.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
	text, err = files.ReadFile("files/" + name)
	return text, kinds[name], err
}

// Assets returns the names of those files.
func Assets() []string { return []string{"status.css", "status.js", "icon.svg"} }
