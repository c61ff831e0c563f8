// Package carrier moves datagrams to and from one SOCKS peer. They travel in
// one of two ways, and the loop above sees one interface for both: [Packet] is
// UDP with the header of RFC 1928, section 7, and [Stream] is frames on the
// control connection, which is as encrypted as that connection is
// (docs/protocol.md has the bytes).
package carrier

import (
	"net"

	"github.com/socksctl/socksctl/internal/socks5"
)

// MaxPayload is the longest payload that a datagram carries: what UDP over
// IPv4 leaves, 65,535 - 20 - 8 bytes. A Packet leaves less, by its header.
const MaxPayload = 65507

// Datagram is a payload and the far address that it goes to or comes from.
type Datagram struct {
	Addr socks5.Addr
	Data []byte
}

// Conn carries datagrams, several a call. One goroutine may read while another
// writes; neither method may be called twice at once.
type Conn interface {
	// ReadBatch waits for a datagram, fills the front of ds with what is there,
	// and returns how many that are: at least one when err is nil. The Data of
	// ds is valid until the next call. What cannot be read as a datagram is
	// dropped and counted, and is no error; an error ends the carrier.
	ReadBatch(ds []Datagram) (int, error)

	// WriteBatch sends ds and does not keep their Data. A datagram that cannot
	// be sent, because it is too long, its address is refused or the way is
	// full, is dropped and counted, and is no error; an error ends the carrier.
	// It never blocks for longer than a system call takes.
	WriteBatch(ds []Datagram) error

	// LocalAddr is the address that the far side knows this end by.
	LocalAddr() net.Addr

	// Close ends both directions and makes a waiting ReadBatch return an error
	// that is net.ErrClosed.
	Close() error
}

// Drop is the reason for which a datagram went no further.
type Drop uint8

// The reasons for a drop.
const (
	DropMalformed  Drop = iota // the header cannot be read, or RSV is not zero
	DropFragment               // FRAG is not 00
	DropStranger               // the sender is not this association's client
	DropDenied                 // refused by rule
	DropUnresolved             // its name has no address, or too many look-ups wait
	DropTooLong                // does not fit the way it would have to go
	DropFull                   // a socket's buffer or a queue of frames is full
	DropUnasked                // an answer from a host that was not contacted
	DropUnsent                 // the system refused it
	DropEmpty                  // empty, to a peer whose frames cannot carry that
	DropRate                   // more than the user may send or receive
	NumDrops                   // how many reasons there are
)

// String returns the reason as metrics and records have it.
func (d Drop) String() string {
	switch d {
	case DropMalformed:
		return "malformed"
	case DropFragment:
		return "fragment"
	case DropStranger:
		return "stranger"
	case DropDenied:
		return "denied"
	case DropUnresolved:
		return "unresolved"
	case DropTooLong:
		return "too_long"
	case DropFull:
		return "full"
	case DropUnasked:
		return "unasked"
	case DropUnsent:
		return "unsent"
	case DropEmpty:
		return "empty"
	case DropRate:
		return "rate"
	}
	return "unknown"
}

// DropFunc counts a dropped datagram. It is called from the goroutines of
// ReadBatch and WriteBatch and from those that a carrier starts, so it must be
// safe for that, and it must not block. A nil DropFunc counts nothing.
type DropFunc func(Drop)

// Count calls f unless it is nil.
func (f DropFunc) Count(d Drop) {
	if f != nil {
		f(d)
	}
}
