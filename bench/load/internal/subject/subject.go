package subject

import (
	"fmt"
	"os/exec"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// Options are the manner in which a subject is used.
type Options struct {
	Login  bool          // apps have a name and a password
	Mutual bool          // apps, or the forwarder, show a certificate
	Resume bool          // apps resume TLS sessions
	Delay  time.Duration // of bytes each way between an app's side and the server
}

// Subject is something that can be measured.
type Subject struct {
	Name  string
	Ours  bool // it is socksctl
	Bound bool // it is a bare relay
	start func(e *Env, r *Running, target string, o Options) error
}

// Start starts it, for apps that reach target by way of it. Whoever starts it
// ends it.
func (s Subject) Start(e *Env, target string, o Options) (*Running, error) {
	r := &Running{Way: &traffic.Way{Target: target}}
	if err := s.start(e, r, target, o); err != nil {
		r.End()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return r, nil
}

// look returns the path of a program of Debian.
func look(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", names[0], ErrMissing)
}
