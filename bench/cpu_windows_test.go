package bench

import (
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// cpuTime returns the processor time that this process has taken, in user
// space and in the kernel.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user); err != nil {
		b.Fatal(err)
	}
	return 100 * time.Duration(ticks(kernel)+ticks(user))
}

// ticks returns a duration in units of 100 ns.
func ticks(f windows.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
