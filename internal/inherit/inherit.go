// Package inherit is listeners that another process opened: the one that served
// until now and hands them over on a unix connection, or systemd. A connection
// that waits to be accepted on one is not lost when its process ends, since the
// queue of such connections belongs to the socket, which all its holders share.
package inherit

import (
	"net"
	"slices"
	"strings"
)

// Listener is a listener of a service, and what another process has to know to
// serve it.
type Listener struct {
	net.Listener
	Kind   string // what is served there; the words are the service's
	Asked  string // the address it was opened for, which is not its own for port 0; "" when systemd opened it
	Passed bool   // systemd opened it
}

// Set is listeners from elsewhere, from which a configuration takes what it
// names. A nil Set is empty.
type Set struct {
	all   []Listener
	taken []bool
	c     *net.UnixConn // to the process that has them too; nil: they are systemd's
}

// Take returns the listener for an address, "host:port" or "unix:PATH": one of
// kind that was opened for just that, or else one that is there, whatever was
// served on it. The caller has it then.
func (s *Set) Take(kind, address string) (Listener, bool) {
	return s.take(func(l Listener) bool { return l.Kind == kind && l.Asked == address },
		func(l Listener) bool { return isAt(l.Addr(), address) })
}

// Passed takes those of kind that systemd passed and nobody took: it means them
// to be served, whatever a configuration names.
func (s *Set) Passed(kind string) (rest []Listener) {
	for {
		l, ok := s.take(func(l Listener) bool { return l.Passed && l.Kind == kind })
		if !ok {
			return rest
		}
		rest = append(rest, l)
	}
}

// Has tells whether there is one of kind, taken or not, that systemd passed.
func (s *Set) Has(kind string) bool {
	return s != nil && slices.ContainsFunc(s.all, func(l Listener) bool { return l.Passed && l.Kind == kind })
}

// Close closes the listeners that nobody took, and removes no socket's path. A
// process that has them too and has not been told to stop serves on.
func (s *Set) Close() {
	if s == nil {
		return
	}
	if s.c != nil {
		s.c.Close()
	}
	for i, l := range s.all {
		if !s.taken[i] {
			l.Close()
		}
	}
}

// take returns the first that fits the first condition that any fits.
func (s *Set) take(conditions ...func(Listener) bool) (Listener, bool) {
	if s == nil {
		return Listener{}, false
	}
	for _, fits := range conditions {
		for i, l := range s.all {
			if !s.taken[i] && fits(l) {
				s.taken[i] = true
				return l, true
			}
		}
	}
	return Listener{}, false
}

// add appends a listener, not taken.
func (s *Set) add(l Listener) {
	s.all, s.taken = append(s.all, l), append(s.taken, false)
}

// isAt tells whether a listener at addr is one for address. Port 0 stands for
// any port, and so for none that there is.
func isAt(addr net.Addr, address string) bool {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		return addr.Network() == "unix" && addr.String() == path
	}
	have, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	want, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || want.Port == 0 || want.Port != have.Port || want.Zone != have.Zone {
		return false
	}
	return want.IP.Equal(have.IP) || isAny(want.IP) && isAny(have.IP)
}

// isAny tells of the addresses that stand for all: package net listens on both
// families for each of them.
func isAny(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }

// KeepPath says whether a unix socket's path stays when l is closed, as it has to
// while another process accepts there.
func KeepPath(l net.Listener, keep bool) {
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(!keep)
	}
}
