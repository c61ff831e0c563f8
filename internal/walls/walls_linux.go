package walls

import (
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	"github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// The rights of each part of a [Plan].
const (
	reading = syscall.AccessFSReadFile | syscall.AccessFSReadDir
	writing = reading | syscall.AccessFSWriteFile | syscall.AccessFSTruncate |
		syscall.AccessFSMakeReg | syscall.AccessFSMakeDir | syscall.AccessFSRemoveFile | syscall.AccessFSRemoveDir
	sockets   = syscall.AccessFSMakeSock | syscall.AccessFSRemoveFile
	executing = reading | syscall.AccessFSExecute
	devices   = syscall.AccessFSReadFile | syscall.AccessFSWriteFile
)

// Raise keeps this process to p, by what the kernel has of Landlock. Only files are
// kept: ports and unix sockets can be connected to as before, and what was open
// before stays open. It sets no_new_privs, so that no program that the process runs
// gets more rights than it has.
func Raise(p Plan) error {
	if version, err := syscall.LandlockGetABIVersion(); err != nil || version < 1 {
		return ErrUnsupported
	}
	err := landlock.V8.BestEffort().RestrictPaths(
		landlock.PathAccess(reading, present(p.Read)...),
		landlock.PathAccess(writing, present(p.Write)...),
		landlock.PathAccess(sockets, present(p.Sockets)...),
		landlock.PathAccess(executing, present(p.Execute)...),
		landlock.PathAccess(devices, present(p.Devices)...),
	)
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

// present returns the paths that can be had: a rule takes no others.
func present(paths []string) (there []string) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			there = append(there, path)
		}
	}
	return there
}
