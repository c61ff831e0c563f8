package carrier

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/socksctl/socksctl/internal/socks5"
)

// maxHeld bounds the payload that waits for names, in bytes a [Resolved].
const maxHeld = 256 << 10

// AllowFunc tells whether a datagram that is to go to asked, a name or an
// address, may go to ip, the address really used. Of the addresses of a name
// the first that is allowed is taken; when none is, the datagram is dropped as
// [DropDenied]. It is called for each datagram and from several goroutines, and
// must not block.
type AllowFunc func(asked socks5.Addr, ip netip.Addr) bool

// Resolved is a Conn that takes names over one that takes addresses only. What
// is for a name that is not known waits beside the loop, bounded, and holds
// nothing else up.
type Resolved struct {
	under Conn
	names *Names
	allow AllowFunc
	drop  DropFunc
	held  atomic.Int64 // bytes that wait for names

	mu  sync.Mutex // one WriteBatch of under at a time
	n   int
	out [outBatchSize]Datagram
}

// NewResolved returns a Conn over under that asks names, and that asks allow
// (nil allows) for every datagram before it is sent. Under and names belong to
// it from here on.
func NewResolved(under Conn, names *Names, allow AllowFunc, drop DropFunc) *Resolved {
	if allow == nil {
		allow = func(socks5.Addr, netip.Addr) bool { return true }
	}
	return &Resolved{under: under, names: names, allow: allow, drop: drop}
}

// ReadBatch implements [Conn].
func (r *Resolved) ReadBatch(ds []Datagram) (int, error) { return r.under.ReadBatch(ds) }

// WriteBatch implements [Conn].
func (r *Resolved) WriteBatch(ds []Datagram) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range ds {
		if err := r.route(&ds[i]); err != nil {
			return err
		}
	}
	return r.send()
}

// route queues d, lets it wait for its name, or drops it; mu is held.
func (r *Resolved) route(d *Datagram) error {
	if !d.Addr.IsName() {
		if !d.Addr.IP.IsValid() {
			r.drop.Count(DropUnresolved)
			return nil
		}
		if !r.allow(d.Addr, d.Addr.IP) {
			r.drop.Count(DropDenied)
			return nil
		}
		return r.queue(d.Addr, d.Data)
	}
	if ips, known := r.names.Lookup(d.Addr.Name); known {
		return r.queueName(d, ips)
	}
	r.hold(d)
	return nil
}

// queueName queues d for the first of ips that is allowed; mu is held.
func (r *Resolved) queueName(d *Datagram, ips []netip.Addr) error {
	if len(ips) == 0 {
		r.drop.Count(DropUnresolved)
		return nil
	}
	for _, ip := range ips {
		if r.allow(d.Addr, ip) {
			return r.queue(socks5.Addr{IP: ip, Port: d.Addr.Port}, d.Data)
		}
	}
	r.drop.Count(DropDenied)
	return nil
}

// queue adds a datagram to those that the next send sends; mu is held.
func (r *Resolved) queue(to socks5.Addr, data []byte) error {
	r.out[r.n] = Datagram{Addr: to, Data: data}
	r.n++
	if r.n == len(r.out) {
		return r.send()
	}
	return nil
}

// send sends what is queued; mu is held.
func (r *Resolved) send() error {
	n := r.n
	r.n = 0
	if n == 0 {
		return nil
	}
	err := r.under.WriteBatch(r.out[:n])
	clear(r.out[:n])
	return err
}

// hold keeps a copy of d until its name is resolved.
func (r *Resolved) hold(d *Datagram) {
	size := int64(len(d.Data))
	if r.held.Add(size) > maxHeld {
		r.held.Add(-size)
		r.drop.Count(DropUnresolved)
		return
	}
	kept := Datagram{Addr: d.Addr, Data: append([]byte(nil), d.Data...)}
	waits := r.names.Resolve(d.Addr.Name, func(ips []netip.Addr) {
		r.held.Add(-size)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.queueName(&kept, ips) == nil {
			// An error of the carrier is met by the next WriteBatch as well.
			_ = r.send()
		}
	})
	if !waits {
		r.held.Add(-size)
		r.drop.Count(DropUnresolved)
	}
}

// LocalAddr implements [Conn].
func (r *Resolved) LocalAddr() net.Addr { return r.under.LocalAddr() }

// Close implements [Conn]. It ends the look-ups as well, and waits for them.
func (r *Resolved) Close() error {
	err := r.under.Close()
	r.names.Close()
	return err
}
