package sockstest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// Carrier is what the connection to the server under test goes over.
type Carrier string

// The carriers of the matrix.
const (
	Plain     Carrier = "plain"
	TLS12     Carrier = "TLS12"
	TLS13     Carrier = "TLS13"
	MutualTLS Carrier = "MutualTLS"
)

// Mode is one cell of the matrix. With no hop the app speaks to the server over
// the carrier. With one it speaks plain SOCKS to a forwarder, and the carrier
// is behind that; with two there is another server in between.
type Mode struct {
	Carrier Carrier
	Hops    int
	IPv6    bool
}

// String returns the mode as the names of subtests have it.
func (m Mode) String() string {
	hops := [...]string{"direct", "forwarder", "two_hops"}[m.Hops]
	family := "ipv4"
	if m.IPv6 {
		family = "ipv6"
	}
	return fmt.Sprintf("%s/%s/%s", m.Carrier, hops, family)
}

// app returns what an app's own connection goes over.
func (m Mode) app() Carrier {
	if m.Hops > 0 {
		return Plain
	}
	return m.Carrier
}

// Modes returns every carrier and address family over each number of hops.
func Modes(hops ...int) []Mode {
	var modes []Mode
	for _, carrier := range []Carrier{Plain, TLS12, TLS13, MutualTLS} {
		for _, n := range hops {
			modes = append(modes, Mode{carrier, n, false}, Mode{carrier, n, true})
		}
	}
	return modes
}

// User is a login that the server under test accepts.
type User struct {
	Password string
	Bcrypt   bool // hashed by bcrypt; otherwise by argon2id
}

// Config is what a statement asks of the server under test. The zero Config is
// a server for everyone with all commands and the default limits. Behind a
// forwarder it describes the last server, but for what the app's side decides:
// Users, Handshake, LoginFailures, ConnsPerIP and Foreign are the forwarder's
// then, NoBind, NoUDP, UDPIdle, Idle and UDPRoaming everyone's.
type Config struct {
	Users         map[string]User // not empty: a login is required
	NoBind, NoUDP bool

	Handshake, Connect, BindWait time.Duration // zero: the default
	UDPIdle, Idle, Warm          time.Duration

	LoginFailures int  // that lock; 0: the default
	ConnsPerIP    int  // connections of one address; 0: any number
	ConnsPerUser  int  // sessions of one user, at the last server; 0: any number
	Bandwidth     int  // bytes a second of one user, at the last server; 0: any number
	Datagrams     int  // datagrams a second of one user, at the last server; 0: any number
	Foreign       bool // apps seem to come from 192.0.2.N where they come from 127.0.0.N

	Ports                [2]uint16 // of BIND listeners; zero: any
	Advertise            string    // the address in BIND replies
	Host                 string    // where the servers behind a forwarder listen; empty: loopback
	UDPRoaming, FullCone bool
	Resolver             string // host:port of the name server; empty: the system's

	// Policy allows what it returns true for. stage is "request", "dial",
	// "peer", "datagram" or "answer"; addr has no IP while host is unresolved.
	Policy func(stage, host string, addr netip.AddrPort) bool
	// Rules is the text of a rule file in the place of Policy, and the server
	// counts as one that listens beyond loopback. NearRules is that of the
	// forwarder, if there is one.
	Rules, NearRules string
	// Dial is called before a CONNECT is dialled; its error is the dial's.
	Dial func(ctx context.Context, network, address string) error
	// Middle is given the address of the server that the forwarder is to use
	// and returns the address to use in its place.
	Middle func(server string) string
	// TLS is the files of both ends; nil: those of the run.
	TLS *TLSFiles
}

// Endpoint is a started server, which the factory stops when the test ends.
type Endpoint struct {
	Addr   string                  // where apps connect
	Hops   []string                // the addresses of all listeners, from the app's side on
	Dials  func() int              // how often the last server was asked for a connection, a BIND listener or a UDP socket
	Drops  func() map[string]int64 // datagrams dropped so far, by reason, at all hops
	Live   func() int              // sessions not yet ended, at all hops
	Ended  func() []error          // how each ended session of the app's side ended
	Log    func() string           // what was logged so far, at all hops
	Reload func() error            // reads the TLS files again
}

// Factory starts the server that a mode and a Config ask for.
type Factory func(t testing.TB, mode Mode, cfg Config) *Endpoint

// Statement is one thing that a server owes its clients.
type Statement struct {
	Name string                       // begins with its number
	Run  func(t testing.TB, b *Bench) // fails t when the server under test differs
	In   func(Mode) bool              // the modes in which it makes sense; nil: all
}

// Run runs each statement in each mode, as a parallel subtest of its own whose
// name is the mode and the statement.
func Run(t *testing.T, factory Factory, modes []Mode, statements []Statement) {
	files, pki := newTLSFiles(t)
	for _, mode := range modes {
		for _, s := range statements {
			if s.In != nil && !s.In(mode) {
				continue
			}
			t.Run(mode.String()+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				s.Run(t, &Bench{Mode: mode, factory: factory, files: files, pki: pki})
			})
		}
	}
}

// RunOne runs one statement in one mode on t, which need not be a *testing.T.
func RunOne(t testing.TB, factory Factory, mode Mode, s Statement) {
	files, pki := newTLSFiles(t)
	s.Run(t, &Bench{Mode: mode, factory: factory, files: files, pki: pki})
}

// All returns every statement of the suite.
func All() []Statement {
	return slices.Concat(Negotiation(), Login(), Requests(), Targets(), Replies(), Relay(), BIND(), UDP(), Rules(), Soak(), TLS(), Limits(), Slow())
}

// Bench is what a statement works with: the mode, and the means to start the
// server under test.
type Bench struct {
	Mode
	factory Factory
	files   TLSFiles
	pki     *pki
}

// start starts a server for one test.
func (b *Bench) start(t testing.TB, cfg Config) *Endpoint {
	t.Helper()
	if cfg.TLS == nil {
		cfg.TLS = &b.files
	}
	return b.factory(t, b.Mode, cfg)
}

// ip returns the loopback address of the mode's family.
func (b *Bench) ip() netip.Addr {
	if b.IPv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// The modes that a statement can ask for.
func parsing(m Mode) bool      { return m.Hops == 0 && (m.Carrier == Plain || m.Carrier == TLS13) }
func directTLS(m Mode) bool    { return m.Hops == 0 && m.Carrier != Plain }
func mutualDirect(m Mode) bool { return m.Hops == 0 && m.Carrier == MutualTLS }
func forwardTLS(m Mode) bool   { return m.Hops == 1 && m.Carrier != Plain }
func forwarded(m Mode) bool    { return m.Hops > 0 }
func ipv4(m Mode) bool         { return !m.IPv6 }
