package relay

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// patience tells a peer that does not read from one that has vanished.
// TCP_USER_TIMEOUT ends both alike: linux counts it while the peer's window is
// closed too, although the peer answers each probe of it. So while a window is
// closed and probes are answered, the option is lifted. It is looked at three
// times per timeout, and only while bytes move or wait.
type patience struct {
	conns []net.Conn
	peers []*peer
	every time.Duration // from one look to the next; 0: it has not looked yet
	armed atomic.Bool   // the timer runs, or never will again
	moved atomic.Bool   // bytes have moved since the timer fired last

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// peer is a socket that has TCP_USER_TIMEOUT.
type peer struct {
	conn    *net.TCPConn
	timeout int           // as it was set, in ms
	silence time.Duration // without an answer, that says that the peer has vanished
	lifted  bool
}

// oldProbes is more than what linux before 6.15 lets pass between two probes.
const oldProbes = 150 * time.Second

// firstLook is when sockets are looked at first: most tunnels have ended by then, and
// which of their sockets have the option is not asked.
const firstLook = 500 * time.Millisecond

func newPatience(conns ...net.Conn) *patience { return &patience{conns: conns} }

// find finds the sockets that have the option, and when to look at them.
func (p *patience) find() {
	for _, c := range p.conns {
		t, ok := socket(c).(*net.TCPConn)
		if !ok {
			continue
		}
		timeout := tcpOption(t, unix.TCP_USER_TIMEOUT)
		if timeout <= 0 {
			continue
		}
		p.peers = append(p.peers, &peer{conn: t, timeout: timeout})
		if every := time.Duration(timeout) * time.Millisecond / 3; p.every == 0 || every < p.every {
			p.every = every
		}
	}
	p.conns = nil
}

// touch notes that bytes moved.
func (p *patience) touch() {
	if !p.moved.Load() {
		p.moved.Store(true)
	}
	if !p.armed.Load() && p.armed.CompareAndSwap(false, true) {
		p.arm()
	}
}

func (p *patience) arm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
	case p.timer == nil:
		p.timer = time.AfterFunc(firstLook, p.look)
	default:
		p.timer.Reset(p.every)
	}
}

// look looks at the sockets, and rests when all is quiet.
func (p *patience) look() {
	p.mu.Lock()
	if p.find(); len(p.peers) == 0 {
		p.mu.Unlock()
		return
	}
	busy := p.moved.Swap(false)
	for _, one := range p.peers {
		if !p.stopped && one.judge() {
			busy = true
		}
	}
	if !busy {
		p.armed.Store(false)
		busy = p.moved.Load() && p.armed.CompareAndSwap(false, true) // a byte that moved meanwhile
	}
	p.mu.Unlock()
	if busy {
		p.arm()
	}
}

// stop stops looking.
func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// judge lifts the timeout or puts it back, and reports whether bytes wait.
func (o *peer) judge() (waiting bool) {
	info := tcpInfo(o.conn)
	if info == nil {
		return false
	}
	closed := info.Unacked == 0 && info.Notsent_bytes > 0 // nothing is under way, for want of a window
	if closed && !o.lifted && o.silence == 0 {
		o.probeOften()
	}
	lift := closed && time.Duration(info.Last_ack_recv)*time.Millisecond < o.silence
	if lift != o.lifted {
		o.lifted = lift
		value := o.timeout
		if lift {
			value = 0
		}
		_ = setTCPOption(o.conn, unix.TCP_USER_TIMEOUT, value)
	}
	return info.Unacked+info.Notsent_bytes > 0
}

// probeOften makes several probes of a closed window fit into the timeout, where
// the system can, and sets o.silence.
func (o *peer) probeOften() {
	o.silence = time.Duration(o.timeout) * time.Millisecond
	if setTCPOption(o.conn, unix.TCP_RTO_MAX_MS, max(1000, o.timeout/4)) != nil {
		o.silence = max(o.silence, oldProbes)
	}
}
