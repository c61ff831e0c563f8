// Package subject starts what is measured: socksctl, its peers and the bounds,
// each as programs of their own on an address of their own.
package subject

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/process"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// ErrMissing is about a program that is not to be had on this machine.
var ErrMissing = errors.New("not to be had here")

// startLimit is how long a program may take until it accepts connections.
const startLimit = 10 * time.Second

// Programs are those that were built for a run. An empty path is one that could
// not be.
type Programs struct {
	Root     string // of the repository, for what is measured without a program
	Socksctl string
	ThingsGo string
	SingBox  string
}

// Env is where subjects run.
type Env struct {
	Programs
	self string        // this program, which has the bounds
	dir  string        // for keys, sockets and records; removed by Close
	last *atomic.Int32 // number given: of an address, a file, a socket
	pki
}

// NewEnv makes keys and certificates by means of socksctl. The caller closes it.
func NewEnv(p Programs) (*Env, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "b") // short, as sockets want it
	if err != nil {
		return nil, err
	}
	e := &Env{Programs: p, self: self, dir: dir, last: new(atomic.Int32)}
	if e.pki, err = newPKI(p.Socksctl, dir); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// With is e with another socksctl.
func (e *Env) With(socksctl string) *Env {
	other := *e
	other.Socksctl = socksctl
	return &other
}

// Close removes what NewEnv made.
func (e *Env) Close() error { return os.RemoveAll(e.dir) }

// address returns one that no other process takes: its IP is in 127.0.0.0/8 and
// has this process's id in it.
func (e *Env) address() string {
	id, n := os.Getpid(), e.last.Add(1)
	return fmt.Sprintf("127.%d.%d.%d:1080", 64+(id>>8+int(n>>7))%128, id&0xff, 1+n&0x7f)
}

// file writes a file of a subject and returns its path.
func (e *Env) file(name, text string) (string, error) {
	path := filepath.Join(e.dir, fmt.Sprintf("%d-%s", e.last.Add(1), name))
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// Running is a subject that runs.
type Running struct {
	Way    *traffic.Way
	procs  []*process.Process
	delays []*traffic.Delay
	env    []string // more of the environment of its programs
	admin  string   // the socket of socksctl serve
	root   string   // of the repository, where it is that
}

// by returns the address by which a server is reached: a relay in front of it, if
// there is to be a delay.
func (r *Running) by(server string, delay time.Duration) (string, error) {
	if delay == 0 {
		return server, nil
	}
	d, err := traffic.NewDelay(server, delay)
	if err != nil {
		return "", err
	}
	r.delays = append(r.delays, d)
	return d.Addr(), nil
}

// start runs a program as a part of the subject and waits until it accepts
// connections at an address. An empty one is not waited for.
func (r *Running) start(address, name string, args ...string) error {
	p, err := process.StartEnv(r.env, name, args...)
	if err != nil {
		return err
	}
	r.procs = append(r.procs, p)
	if address == "" {
		return nil
	}
	return await(p, "tcp", address)
}

// await waits until a program accepts connections.
func await(p *process.Process, network, address string) error {
	for end := time.Now().Add(startLimit); ; {
		if err := p.Err(); err != nil {
			return err
		}
		c, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s does not accept connections: %w", address, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// End ends all of its programs.
func (r *Running) End() {
	for _, d := range r.delays {
		d.Close()
	}
	for _, p := range r.procs {
		p.End()
	}
}

// Said is what its programs said last, to be put behind an error.
func (r *Running) Said() (text string) {
	for _, p := range r.procs {
		if said := p.Said(); said != "" {
			text += "; it said: " + said
		}
	}
	return text
}

// Meter is a traffic.Meter of all of its programs.
func (r *Running) Meter() (time.Duration, error) {
	if err := r.err(); err != nil {
		return 0, err
	}
	return process.CPU(r.ids()...)
}

// Usage is what all of its programs take.
func (r *Running) Usage() (process.Usage, error) {
	if err := r.err(); err != nil {
		return process.Usage{}, err
	}
	return process.Take(r.ids()...)
}

func (r *Running) err() error {
	for _, p := range r.procs {
		if err := p.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Running) ids() (ids []int) {
	for _, p := range r.procs {
		ids = append(ids, p.ID())
	}
	return ids
}
