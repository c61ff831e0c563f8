package server

import (
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// Limits bounds what clients may take. The zero value is the defaults that each
// field names.
type Limits struct {
	Handshake time.Duration // from accept until the request is read, TLS and login included; 10 s
	Connect   time.Duration // of a dial, look-up included; 10 s
	BindWait  time.Duration // of a BIND listener for its peer; 300 s
	UDPIdle   time.Duration // of an association without a datagram either way; 120 s
	Idle      time.Duration // of a tunnel without a byte either way; 0 is for ever
	Warm      time.Duration // of a proven peer on ALPN "socksctl/1" until its request; 90 s

	// Conns is connections at once, counted before TLS; 0 is about half the
	// descriptor limit, for a tunnel has two. With 0, a UDP association that has
	// three counts for one and a half.
	Conns      int
	Handshakes int // connections not yet admitted; past it the oldest is dropped; 1024
	WarmUser   int // warm connections of one user; 64
	// LoginFailures is how many failed logins an address may have before its
	// connections are refused for LoginLock, and for twice as long after each
	// further one, up to 15 minutes; 5, and below 0 there is no bound. Clients on
	// this host, which share an address, are counted by the user they try to be.
	LoginFailures int
	LoginLock     time.Duration // 10 s

	ConnsPerIP int // connections at once from one address, counted before TLS, IPv6 by its /64; 0 is no bound

	// User is what each user may take where the Policy, by [Quotas], says nothing
	// else; its Name is not used. Clients that are nobody in particular count by
	// address, IPv6 by its /64, and those of unix sockets together.
	User Quota

	files int // descriptors that clients may have, where Conns is the default; 0: they are not counted
}

// SetLimits puts other limits in force, for what begins from now on; a zero field
// is its default. Quotas of users reach live sessions with the next Rejudge.
func (s *Server) SetLimits(l Limits) {
	s.init()
	l = l.withDefaults()
	s.limits.Store(&l)
}

// inForce returns the limits of the moment.
func (s *Server) inForce() *Limits { return s.limits.Load() }

// spareDescriptors is what is kept back from clients beside the pipes of the
// relay: listeners, logs, files, look-ups, and what is on its way to be closed.
const spareDescriptors = 32

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	orDuration(&l.Handshake, 10*time.Second)
	orDuration(&l.Connect, 10*time.Second)
	orDuration(&l.BindWait, 300*time.Second)
	orDuration(&l.UDPIdle, 120*time.Second)
	orDuration(&l.Warm, 90*time.Second)
	orDuration(&l.LoginLock, 10*time.Second)
	if l.Conns == 0 {
		l.files = max(relay.MaxDescriptors()-relay.PipeDescriptors()-spareDescriptors, 16)
		l.Conns = l.files / 2
	}
	if l.Handshakes == 0 {
		l.Handshakes = 1024
	}
	if l.WarmUser == 0 {
		l.WarmUser = 64
	}
	if l.LoginFailures == 0 {
		l.LoginFailures = 5
	}
	return l
}
