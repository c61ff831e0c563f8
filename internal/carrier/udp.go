package carrier

import (
	"net"
	"net/netip"
	"sync"

	"github.com/socksctl/socksctl/internal/socks5"
)

// What UDP leaves for a payload, by the IP under it. A longer one is dropped
// here, so that the count says why on every system.
const (
	maxUDP4 = 65535 - 20 - 8
	maxUDP6 = 65535 - 8
)

// transport moves several datagrams a call through a UDP socket. Like a Conn it
// takes one receive beside one send.
type transport interface {
	// receive waits for datagrams and returns at most limit of them, which are
	// whole and stay valid until the next call. It may return none. No receive
	// buffer is held while it waits.
	receive(limit int) ([]message, error)

	// send sends what is in b; what the system refuses is dropped and counted.
	send(b *outBatch) error
}

// message is a datagram as a socket has it. head goes before data on the way
// out and is empty on the way in.
type message struct {
	peer netip.AddrPort
	head []byte
	data []byte
}

// How many datagrams one call moves. A receive buffer takes the longest
// datagram there is, so few of them are as much memory as should lie in one
// place; of that only what datagrams have touched is resident.
const (
	inBatchSize  = 16
	inMessages   = 64 // of which a call of the system may bring more than inBatchSize
	outBatchSize = 32
	inBufferSize = 64 << 10
)

// inBatch is what a receive needs. It is taken when datagrams wait and given
// back before the next wait.
type inBatch struct {
	msgs [inMessages]message
	sys  sysIn
	bufs []byte // inBatchSize buffers in a row
}

// buf returns the i-th receive buffer.
func (b *inBatch) buf(i int) []byte {
	return b.bufs[i*inBufferSize : (i+1)*inBufferSize : (i+1)*inBufferSize]
}

var inBatches = sync.Pool{New: func() any {
	b := &inBatch{bufs: make([]byte, inBatchSize*inBufferSize)}
	b.sys.init(b)
	return b
}}

// outBatch is what a send needs, headers included.
type outBatch struct {
	n     int
	msgs  [outBatchSize]message
	heads [outBatchSize][socks5.MaxDatagramHeader]byte
	sys   sysOut
}

var outBatches = sync.Pool{New: func() any { return new(outBatch) }}

// add appends a datagram with room for its header and returns the room.
func (b *outBatch) add(peer netip.AddrPort, data []byte) *message {
	m := &b.msgs[b.n]
	*m = message{peer: peer, head: b.heads[b.n][:0], data: data}
	b.n++
	return m
}

func (b *outBatch) full() bool { return b.n == outBatchSize }

// release gives b back without the callers' data.
func (b *outBatch) release() {
	clear(b.msgs[:])
	b.n = 0
	outBatches.Put(b)
}

// fits tells whether a datagram of size bytes can be sent to ip.
func fits(ip netip.Addr, size int) bool {
	if ip.Is4() || ip.Is4In6() {
		return size <= maxUDP4
	}
	return size <= maxUDP6
}

// connected tells whether pc talks to one address only.
func connected(pc *net.UDPConn) bool { return pc.RemoteAddr() != nil }
