package relay

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"sync"
	"unsafe"
)

// scratchSize holds the longest TLS record (RFC 8446, section 5.2) and what
// crypto/tls asks for beside it.
const scratchSize = recordSize + 2048 + headerSize + bytes.MinRead

// scratches is a cache, shared by all tunnels as the memory of the process is.
var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// scratch lends a tls.Conn the buffer that it decrypts records in. By itself it
// makes one, as large as the largest record that came, and keeps it for as long
// as the connection lives: 18 KiB of each tunnel that has ever been busy, and 4
// of each that has not, from the handshake. There is no way to take that back
// but to reach into the tls.Conn. So this looks for the fields by name and type,
// and where they are not as they are known (another version of Go) it does
// nothing, and the tls.Conn does as it always does.
//
// It is for the goroutine that reads the tls.Conn, after the handshake.
type scratch struct {
	rawInput *bytes.Buffer // what came from the conn; nil: nothing can be lent
	input    *bytes.Reader // what of a decrypted record is not read yet, in the memory of rawInput
	hand     *bytes.Buffer // messages of the handshake
	lent     *[scratchSize]byte
}

func newScratch(c *tls.Conn, raw *Raw) scratch {
	if raw.keeps {
		return scratch{}
	}
	s := scratch{rawInput: field[bytes.Buffer](c, "rawInput"), input: field[bytes.Reader](c, "input"), hand: field[bytes.Buffer](c, "hand")}
	if s.rawInput == nil || s.input == nil || s.hand == nil {
		return scratch{}
	}
	return s
}

// field returns where c has a field of this name, and nil if it has none of this
// type.
func field[T any](c *tls.Conn, name string) *T {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		return nil
	}
	return (*T)(unsafe.Add(unsafe.Pointer(c), f.Offset))
}

// lend gives the tls.Conn a buffer, if it has nothing in its own.
func (s *scratch) lend() {
	if s.rawInput == nil || s.lent != nil || s.rawInput.Len() > 0 {
		return
	}
	s.lent = scratches.Get().(*[scratchSize]byte)
	*s.rawInput = *bytes.NewBuffer(s.lent[:0])
}

// takeBack takes the buffer back, and what the handshake left behind, if there is
// nothing in them: otherwise the next time will do.
func (s *scratch) takeBack() {
	if s.rawInput == nil || s.rawInput.Len() > 0 || s.input.Len() > 0 {
		return
	}
	*s.rawInput, *s.input = bytes.Buffer{}, bytes.Reader{}
	if s.hand.Len() == 0 {
		*s.hand = bytes.Buffer{}
	}
	if s.lent != nil {
		scratches.Put(s.lent)
		s.lent = nil
	}
}
