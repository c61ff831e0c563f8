package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc/PID/stat, which Linux fixes for programs.
const tick = 10 * time.Millisecond

// Usage is what programs take.
type Usage struct {
	CPU         time.Duration // in user space and in the kernel, of threads and children that have ended too
	PSS         int64         // resident bytes, shared ones by their share
	Descriptors int
}

// Take sums up what the programs with these ids and all of their descendants
// take. A descendant that ends meanwhile is left out.
func Take(ids ...int) (Usage, error) {
	var u Usage
	tree, err := descendants(ids)
	if err != nil {
		return u, err
	}
	for _, id := range tree {
		one, err := take(id)
		switch {
		case gone(err):
			continue
		case err != nil:
			return u, err
		}
		u.CPU += one.CPU
		u.PSS += one.PSS
		u.Descriptors += one.Descriptors
	}
	return u, nil
}

// CPU is Usage.CPU alone, which is cheaper to take.
func CPU(ids ...int) (time.Duration, error) {
	tree, err := descendants(ids)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, id := range tree {
		one, err := cpuTime(id)
		if err != nil && !gone(err) {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EINVAL)
}

func take(id int) (u Usage, err error) {
	if u.CPU, err = cpuTime(id); err != nil {
		return u, err
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", id))
	if err != nil {
		return u, err
	}
	u.Descriptors = len(open)
	u.PSS, err = pss(id)
	return u, err
}

// cpuTime reads the CPU clock of a process, which counts what utime and stime of
// /proc/PID/stat do, in nanoseconds, and adds the children that it has waited
// for, which are in that file only.
func cpuTime(id int) (time.Duration, error) {
	var t unix.Timespec
	clock := int32(^id<<3 | 2) // as clock_getcpuclockid(3) has it
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, err
	}
	s, err := readStat(id)
	return time.Duration(t.Nano()) + s.children, err
}

// pss reads the proportional set size from smaps_rollup.
func pss(id int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", id))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "Pss:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s: %w", f.Name(), os.ErrNotExist)
}
