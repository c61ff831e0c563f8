//go:build !windows

package errno

import "syscall"

// native has nothing to add: the system uses the codes of package syscall.
func native(syscall.Errno) []syscall.Errno { return nil }
