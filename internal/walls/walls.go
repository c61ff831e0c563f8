// Package walls keeps a process to the files that it needs: what it was talked
// into, by a fault of its own, reaches no others. The kernel does it (Linux:
// Landlock), for the process and what it starts, for good.
package walls

import "errors"

// ErrUnsupported is what [Raise] returns where the kernel does not do it.
var ErrUnsupported = errors.New("the kernel has no Landlock")

// Plan is what a process may still do to files. A folder stands for all that is
// below it, now and later; one that cannot be had allows nothing.
type Plan struct {
	Read    []string // folders in which files are read
	Write   []string // folders in which files are read, made, written, renamed and removed
	Sockets []string // folders in which unix sockets are made and removed
	Execute []string // folders in which files are read, and programs run
	Devices []string // files that are read and written
}
