package relay

import (
	"sync"
	"sync/atomic"
)

// bufferSize is what one system call moves at most where bytes pass through
// this process.
const bufferSize = 128 << 10

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
