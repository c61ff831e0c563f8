package relay

import (
	"sync"
	"sync/atomic"
)

const (
	// bufferSize is what one system call reads or writes at most where bytes
	// pass through this process.
	bufferSize = 128 << 10

	// recordSize is the longest payload of a TLS record.
	recordSize = 16 << 10

	// payloadSize leaves room in a buffer for what TLS adds to a payload.
	payloadSize = bufferSize - recordSize
)

type buffer [bufferSize]byte

// buffers is a cache, shared by all tunnels as the memory of the process is.
var buffers bufferPool

// bufferPool lends out buffers. A buffer is held while bytes are under way, not
// while they are waited for.
type bufferPool struct {
	pool sync.Pool
	lent atomic.Int64
}

func (p *bufferPool) get() *buffer {
	p.lent.Add(1)
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return new(buffer)
}

func (p *bufferPool) put(b *buffer) {
	p.lent.Add(-1)
	p.pool.Put(b)
}
