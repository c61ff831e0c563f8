package relay

// Lent returns how many buffers are held now.
func Lent() int64 { return buffers.lent.Load() }

// HasSource reports whether c can be waited on without a buffer.
var HasSource = newSource
