package relay

// Lingering is how long the other direction goes on after a write has failed.
const Lingering = lingering

// Lent returns how many buffers are held now.
func Lent() int64 { return buffers.lent.Load() }

// HasSource reports whether c can be waited on without a buffer.
var HasSource = newSource

// Recorded returns the error of a tunnel whose directions fail with first and
// then with second.
func Recorded(first, second error) error {
	var r run
	r.fail(first)
	r.fail(second)
	return *r.err.Load()
}
