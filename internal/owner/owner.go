// Package owner tells whose socket is at the other end of a connection that
// comes from this host, and keeps out users other than the one that this
// process runs as. Loopback is no border between the users of a host: whoever
// can open a socket reaches what listens there.
//
// Linux knows the owner of each socket and is asked once a connection. Other
// systems have no such question that any user may ask.
package owner

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
)

// ErrElsewhere is what [Of] returns for a client that has no socket on this
// host, as far as the network namespace of this process goes.
var ErrElsewhere = errors.New("no such socket on this host")

// errNamed is about a client on this host whose socket is at a balancer's other end.
var errNamed = errors.New("it came by a balancer")

// errOrphan is about a client on this host that has closed its socket already.
var errOrphan = errors.New("nobody holds the client's socket any more")

// Of returns the uid of the client at the other end of c, a connection accepted
// on TCP or on a unix socket, or a wrapper of one that has NetConn. On TCP that
// is whoever made the client's socket, on a unix socket who connected it.
//
// A client that has closed its socket already has no uid.
func Of(c net.Conn) (uid uint32, err error) { return ownerOf(socket(c)) }

// Gate lets in the clients of one user. There is no exception for root.
type Gate struct{ uid uint32 }

// NewGate returns a Gate for the user that this process runs as, or what keeps
// this system from telling users apart.
func NewGate() (*Gate, error) {
	g := &Gate{uint32(os.Geteuid())}
	if err := probe(g.uid); err != nil {
		return nil, err
	}
	return g, nil
}

// Admit returns nil if the client at the other end of c, a conn as for [Of], is
// of the Gate's user, or is on another host, which is not for a Gate to judge.
// The error tells whose socket it was, or why that cannot be told.
func (g *Gate) Admit(c net.Conn) error {
	uid, err := Of(c)
	if tcp, ok := socket(c).RemoteAddr().(*net.TCPAddr); ok && errors.Is(err, ErrElsewhere) && !isHere(tcp.AddrPort().Addr()) {
		return nil
	}
	return g.judge(uid, err)
}

// AdmitNamed is Admit for a client that a load balancer has named by its address
// ip: of one on this host it cannot be told who has its socket.
func (g *Gate) AdmitNamed(ip netip.Addr) error {
	if !isHere(ip) {
		return nil
	}
	return g.judge(0, errNamed)
}

// AdmitDatagram is Admit for UDP: a datagram came from the address from to the
// socket of this process's that is bound to at.
func (g *Gate) AdmitDatagram(from, at netip.AddrPort) error {
	if !isHere(from.Addr()) { // where a socket for any address would be taken for the sender's
		return nil
	}
	uid, err := senderOf(from, at)
	return g.judge(uid, err)
}

// judge judges what was said of the owner.
func (g *Gate) judge(uid uint32, err error) error {
	if err != nil {
		return fmt.Errorf("whose socket the client has: %w", err)
	}
	if uid != g.uid {
		return fmt.Errorf("the client's socket is of uid %d, not of uid %d", uid, g.uid)
	}
	return nil
}

// isHere tells whether ip is an address of this host. A client with such an
// address is here, found or not: it may have bound its socket to a device, which
// hides it from the question that [Of] asks. If it cannot be told, it is here.
func isHere(ip netip.Addr) bool {
	if ip.Unmap().IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip.AsSlice())
	})
}

// socket returns the conn that c wraps, however deep, or c.
func socket(c net.Conn) net.Conn {
	for {
		wrapper, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = wrapper.NetConn()
	}
}
