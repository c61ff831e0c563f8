package server

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// maxRemotes is how many far ends of an association are told apart.
const maxRemotes = 1024

// Remote is one far end of an association, and what passed to it and from it.
// One whose Addr is the zero AddrPort is all those together for which there was
// no room.
type Remote struct {
	Host string         // the name that the client asked for; empty when it asked for an address
	Addr netip.AddrPort // has a port but no address while that of Host is not known here

	DatagramsUp, DatagramsDown int64
	BytesUp, BytesDown         int64
	First, Last                time.Time
}

// Remotes returns the far ends of an association in the order in which they
// first appeared: 1,024 at most, and behind them the rest as one, if there is a
// rest. They are none for other commands.
func (s *Session) Remotes() []Remote {
	if r := s.remotes.Load(); r != nil {
		return r.all()
	}
	return nil
}

// remote counts what passes to and from one far end.
type remote struct {
	asked       socks5.Addr
	ip          atomic.Pointer[netip.Addr] // what the name of asked stands for
	up, down    tally
	first, last atomic.Int64 // in nanoseconds since 1970
}

// tally is one direction of a remote.
type tally struct{ datagrams, bytes atomic.Int64 }

// add counts one datagram.
func (t *tally) add(size int) {
	t.datagrams.Add(1)
	t.bytes.Add(int64(size))
}

// touch notes the time of a datagram.
func (r *remote) touch(now time.Time) {
	if r.first.Load() == 0 {
		r.first.CompareAndSwap(0, now.UnixNano())
	}
	relay.Advance(&r.last, now.UnixNano())
}

// record returns r as it stands.
func (r *remote) record() Remote {
	rec := Remote{
		Host: r.asked.Name, Addr: netip.AddrPortFrom(r.asked.IP, r.asked.Port),
		DatagramsUp: r.up.datagrams.Load(), DatagramsDown: r.down.datagrams.Load(),
		BytesUp: r.up.bytes.Load(), BytesDown: r.down.bytes.Load(),
		First: time.Unix(0, r.first.Load()), Last: time.Unix(0, r.last.Load()),
	}
	if ip := r.ip.Load(); ip != nil {
		rec.Addr = netip.AddrPortFrom(*ip, r.asked.Port)
	}
	return rec
}

// remotes is the far ends of one association. The zero value has none.
type remotes struct {
	rest remote

	mu     sync.RWMutex
	byAddr map[socks5.Addr]*remote // those with a name also under the addresses that it stands for
	list   []*remote
}

// find returns the far end at addr, and the rest when there are too many to have
// one more.
func (r *remotes) find(addr socks5.Addr, now time.Time) *remote {
	r.mu.RLock()
	known := r.byAddr[addr]
	r.mu.RUnlock()
	if known != nil {
		return known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.byAddr[addr]; known != nil {
		return known
	}
	if len(r.list) >= maxRemotes {
		return &r.rest
	}
	if r.byAddr == nil {
		r.byAddr = make(map[socks5.Addr]*remote)
	}
	known = &remote{asked: addr}
	known.touch(now)
	r.byAddr[addr] = known
	r.list = append(r.list, known)
	return known
}

// learn notes that the name of asked stands for ip, so that what comes from there
// is counted where what goes there is.
func (r *remotes) learn(asked socks5.Addr, ip netip.Addr) {
	at := socks5.Addr{IP: ip, Port: asked.Port}
	r.mu.RLock()
	known, taken := r.byAddr[asked], r.byAddr[at]
	r.mu.RUnlock()
	if known != nil && taken == nil {
		r.link(known, at)
	}
}

// link has known found at the address of at as well.
func (r *remotes) link(known *remote, at socks5.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byAddr[at] == nil && len(r.byAddr) < 2*maxRemotes {
		r.byAddr[at] = known
		known.ip.CompareAndSwap(nil, &at.IP)
	}
}

// learn is remotes.learn for a session that may be none, or have none.
func (s *Session) learn(asked socks5.Addr, ip netip.Addr) {
	if s == nil {
		return
	}
	if r := s.remotes.Load(); r != nil {
		r.learn(asked, ip)
	}
}

// all returns the records.
func (r *remotes) all() []Remote {
	r.mu.RLock()
	list := r.list
	r.mu.RUnlock()
	all := make([]Remote, 0, len(list)+1)
	for _, one := range list {
		all = append(all, one.record())
	}
	if r.rest.first.Load() != 0 {
		all = append(all, r.rest.record())
	}
	return all
}

// remoteView is the remotes as one direction of an association sees them. It
// keeps what it has found, so that a far end that is known costs no lock.
type remoteView struct {
	*remotes
	found    map[socks5.Addr]*remote
	lastAddr socks5.Addr
	last     *remote
}

// of returns the far end at addr.
func (v *remoteView) of(addr socks5.Addr, now time.Time) *remote {
	if v.last != nil && v.lastAddr == addr {
		return v.last
	}
	known := v.found[addr]
	if known == nil {
		known = v.find(addr, now)
		v.keep(addr, known)
	}
	v.lastAddr, v.last = addr, known
	return known
}

// keep remembers a far end, but none of the rest, which have no bound.
func (v *remoteView) keep(addr socks5.Addr, known *remote) {
	if known == &v.rest || len(v.found) >= 2*maxRemotes {
		return
	}
	if v.found == nil {
		v.found = make(map[socks5.Addr]*remote)
	}
	v.found[addr] = known
}

// countUp counts datagrams that go to where they are addressed.
func (v *remoteView) countUp(ds []carrier.Datagram, now time.Time) {
	for i := range ds {
		r := v.of(ds[i].Addr, now)
		r.up.add(len(ds[i].Data))
		r.touch(now)
	}
}

// countDown counts datagrams that come from where they are addressed.
func (v *remoteView) countDown(ds []carrier.Datagram, now time.Time) {
	for i := range ds {
		r := v.of(ds[i].Addr, now)
		r.down.add(len(ds[i].Data))
		r.touch(now)
	}
}
