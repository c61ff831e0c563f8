package audit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// Version is that of the form of the lines. Fields are added to it without a new
// one.
const Version = 1

// Kind is what an Event is about.
type Kind string

// The kinds.
const (
	Opened      Kind = "opened"
	Closed      Kind = "closed"
	Killed      Kind = "killed"  // by an operator: the error of the session names whom
	Refused     Kind = "refused" // by rule, quota, limit or certificate
	LoginFailed Kind = "login_failed"
	Reloaded    Kind = "reloaded"
)

// Event is one line.
type Event struct {
	Version int             `json:"version"`
	Time    time.Time       `json:"time"`
	Event   Kind            `json:"event"`
	Node    string          `json:"node,omitempty"`
	Session *history.Record `json:"session,omitempty"`
	Reload  *Reload         `json:"reload,omitempty"`
}

// Reload is what a reload came to.
type Reload struct {
	By      string   `json:"by"` // what it was made for
	Changed []string `json:"changed,omitempty"`
	Ended   int      `json:"ended"`           // sessions
	Error   string   `json:"error,omitempty"` // what could not be used
}

// Options are how a [Log] works.
type Options struct {
	Node     string       // the Server's
	Required bool         // a session that cannot be written down is not admitted
	Log      *slog.Logger // of failures to write; nil logs nothing
}

// Log is an audit log. It is a [server.Observer]; its methods may be called from
// any goroutine.
type Log struct {
	options Options
	now     func() time.Time

	mu    sync.Mutex
	to    sink
	lost  int64
	fault error // of the last line
}

var _ server.Observer = (*Log)(nil)

// Open returns the log at a place: the path of a file, "-" for stdout, or
// "syslog:", "syslog:unix:///dev/log", "syslog:udp://host:514" and
// "syslog:tcp://host:601" for RFC 5424. A file is made, mode 0600, if it is
// missing, and appended to; syslog need not answer yet. The caller closes the Log.
func Open(place string, o Options) (*Log, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	to, err := open(place, o.Node)
	if err != nil {
		return nil, fmt.Errorf("audit log %s: %w", place, err)
	}
	return &Log{options: o, now: time.Now, to: to}, nil
}

// Admit writes down that a session is opened, where the log is required, and
// returns why it cannot. It is a [server.Server]'s Admit.
func (l *Log) Admit(s *server.Session) error {
	if !l.options.Required {
		return nil
	}
	return l.session(Opened, s)
}

// Opened implements server.Observer.
func (l *Log) Opened(s *server.Session) {
	if !l.options.Required { // else it is written down already
		_ = l.session(Opened, s) // a failure is logged and counted
	}
}

// Closed implements server.Observer.
func (l *Log) Closed(s *server.Session) { _ = l.session(kindOf(s), s) }

// Reloaded writes down a reload.
func (l *Log) Reloaded(r Reload) { _ = l.write(Event{Event: Reloaded, Reload: &r}) }

// Folder returns the directory of the file that is written, and "" when it is none.
func (l *Log) Folder() string {
	if f, isFile := l.to.(*file); isFile {
		return filepath.Dir(f.path)
	}
	return ""
}

// Lost returns how many lines could not be written.
func (l *Log) Lost() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Fault returns why the last line could not be written, and nil when it could.
func (l *Log) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// Reopen opens a file anew, which another program has renamed, and connects to
// syslog anew.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.reopen()
}

// Close closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.close()
}

// kindOf returns what became of a session that is over.
func kindOf(s *server.Session) Kind {
	switch reason := s.EndReason(); {
	case reason == server.EndLogin:
		return LoginFailed
	case reason == server.EndKilled:
		return Killed
	case s.Refused():
		return Refused
	}
	return Closed
}

func (l *Log) session(kind Kind, s *server.Session) error {
	r := history.RecordOf(s)
	return l.write(Event{Event: kind, Session: &r})
}

// write writes a line. It waits for the sink, which bounds that.
func (l *Log) write(e Event) error {
	e.Version, e.Time, e.Node = Version, l.now().UTC(), l.options.Node
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.to.write(e, line)
	if err != nil {
		err = fmt.Errorf("audit log: %w", err)
		l.lost++
		if l.fault == nil { // once, until it works again
			l.options.Log.Error("audit log: lines are lost", "err", err, "required", l.options.Required)
		}
	} else if l.fault != nil {
		l.options.Log.Info("audit log: written again", "lost", l.lost)
	}
	l.fault = err
	return err
}
