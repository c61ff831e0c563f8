package client

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// packetConn is an association with the proxy. It is a net.PacketConn for
// anyone, and a carrier.Conn for a server whose way out is a Dialer; either the
// one or the other reads.
type packetConn struct {
	d       *Dialer
	carrier carrier.Conn
	control net.Conn // beside a carrier that is not the control connection itself
	local   net.Addr
	drop    atomic.Pointer[carrier.DropFunc]
	ended   atomic.Pointer[error] // why the proxy ended it
	watch   sync.WaitGroup        // the reader of control
	reader  packetReader
	latest  deadline // of WriteTo
	close   sync.Once

	mu  sync.Mutex // held by a write
	one [1]carrier.Datagram
}

func newPacketConn(d *Dialer, local socks5.Addr) *packetConn {
	p := &packetConn{d: d, local: udpAddr(local)}
	p.reader.init(p)
	return p
}

// newStreamConn returns an association whose frames travel on s.
func newStreamConn(s *session, command socks5.Command, bound socks5.Addr) *packetConn {
	p := newPacketConn(s.d, s.outside(bound))
	c := carrier.NewStream(relay.Prompt(s.conn), nil, command, p.count)
	c.DropEmpty = !s.known
	p.start(c, nil)
	return p
}

// start makes p use c, and end with control when that is not nil.
func (p *packetConn) start(c carrier.Conn, control net.Conn) {
	p.carrier, p.control = c, control
	if control != nil {
		p.watch.Go(p.watchControl) // ends when control is closed, by either side
	}
}

// watchControl ends p when the proxy ends the control connection. What it sends
// there means nothing.
func (p *packetConn) watchControl() {
	_, err := io.Copy(io.Discard, p.control)
	if errors.Is(err, net.ErrClosed) {
		return // by Close
	}
	if err == nil {
		err = io.EOF
	}
	p.ended.Store(&err)
	p.control.Close()
	p.carrier.Close()
}

// SetDropFunc makes f count the datagrams that are dropped from here on. Call it
// before the first read or write.
func (p *packetConn) SetDropFunc(f carrier.DropFunc) { p.drop.Store(&f) }

func (p *packetConn) count(reason carrier.Drop) {
	if f := p.drop.Load(); f != nil {
		f.Count(reason)
	}
}

// ReadBatch makes p a carrier.Conn.
func (p *packetConn) ReadBatch(ds []carrier.Datagram) (int, error) {
	n, err := p.carrier.ReadBatch(ds)
	return n, p.failed(err)
}

// WriteBatch makes p a carrier.Conn. Writes may come from several goroutines.
func (p *packetConn) WriteBatch(ds []carrier.Datagram) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed(p.carrier.WriteBatch(ds))
}

// ReadFrom reads one datagram. What does not fit b is lost.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) { return p.reader.readFrom(b) }

// WriteTo sends b to addr.
func (p *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	to := socks5.AddrOf(addr)
	if to == (socks5.Addr{}) || p.latest.over() {
		return 0, &net.OpError{Op: "write", Net: "udp", Addr: addr, Err: p.whyNot(to)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.one[0] = carrier.Datagram{Addr: to, Data: b}
	err := p.carrier.WriteBatch(p.one[:])
	p.one[0] = carrier.Datagram{}
	if err != nil {
		return 0, p.failed(err)
	}
	return len(b), nil
}

func (p *packetConn) whyNot(to socks5.Addr) error {
	if to == (socks5.Addr{}) {
		return errors.New("not an address of host and port")
	}
	return os.ErrDeadlineExceeded
}

// failed returns what err means here.
func (p *packetConn) failed(err error) error {
	switch cause := p.ended.Load(); {
	case err == nil:
		return nil
	case cause != nil:
		return p.d.fault("udp", *cause)
	case errors.Is(err, net.ErrClosed):
		return err
	}
	return p.d.fault("udp", err)
}

// LocalAddr returns the address that the proxy gave the association.
func (p *packetConn) LocalAddr() net.Addr { return p.local }

// Close ends the association. It returns when nothing of it runs any more.
func (p *packetConn) Close() error {
	err := net.ErrClosed
	p.close.Do(func() {
		err = p.carrier.Close()
		if p.control != nil {
			p.control.Close()
		}
		p.watch.Wait()
		p.reader.close()
	})
	return err
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (p *packetConn) SetDeadline(t time.Time) error {
	p.reader.latest.set(t)
	p.latest.set(t)
	return nil
}

// SetReadDeadline is for ReadFrom; ReadBatch waits on.
func (p *packetConn) SetReadDeadline(t time.Time) error {
	p.reader.latest.set(t)
	return nil
}

// SetWriteDeadline is for WriteTo, which never waits: it fails after t.
func (p *packetConn) SetWriteDeadline(t time.Time) error {
	p.latest.set(t)
	return nil
}

// udpAddr is netAddr for datagrams.
func udpAddr(a socks5.Addr) net.Addr {
	if a.IsName() {
		return Addr(a.String())
	}
	return net.UDPAddrFromAddrPort(a.AddrPort())
}
