package relay

// headerSize is the size of what stands before a TLS record: type, version,
// length (RFC 8446, section 5.1).
const headerSize = 5

// framing follows where TLS records begin and end in a stream of bytes.
type framing struct {
	header [headerSize]byte // of the record under way,
	have   int              // as far as it has come
	left   int              // bytes of the record that are to come after it
}

// take returns how many bytes of b, which come next, belong to the record under
// way, and goes past them. It is 0 only if b is empty.
func (f *framing) take(b []byte) int {
	n := 0
	if f.left == 0 {
		n = copy(f.header[f.have:], b)
		if f.have += n; f.have < headerSize {
			return n
		}
		f.have = 0
		f.left = int(f.header[3])<<8 | int(f.header[4])
	}
	m := min(f.left, len(b)-n)
	f.left -= m
	return n + m
}

// skip goes past b, which comes next.
func (f *framing) skip(b []byte) {
	for len(b) > 0 {
		b = b[f.take(b):]
	}
}
