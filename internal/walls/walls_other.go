//go:build !linux

package walls

// Raise keeps this process to p, where the kernel does that.
func Raise(Plan) error { return ErrUnsupported }
