// Package errno compares errors with those of the system, by the names that package
// syscall has for them everywhere. Winsock has codes of its own, which are none of
// those: there errors.Is(err, syscall.ECONNREFUSED) is false for a refused connection.
package errno

import (
	"errors"
	"slices"
	"syscall"
)

// Is tells whether err is one of codes, in whichever way this system says so.
func Is(err error, codes ...syscall.Errno) bool {
	if err == nil {
		return false // without making an interface of each code
	}
	return slices.ContainsFunc(codes, func(code syscall.Errno) bool {
		return errors.Is(err, code) || slices.ContainsFunc(native(code), func(own syscall.Errno) bool { return errors.Is(err, own) })
	})
}
