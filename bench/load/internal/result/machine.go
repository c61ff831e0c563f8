package result

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// ThisMachine describes the one that this runs on, without its name.
func ThisMachine() Machine {
	return Machine{
		Cores:  runtime.NumCPU(),
		Memory: memory(read("/proc/meminfo")),
		Kernel: strings.TrimSpace(read("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version(),
		CPU:    line(read("/proc/cpuinfo"), "model name"),
	}
}

// read returns a file of /proc, and nothing if it is not to be read.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

// line returns what follows the colon in the line that begins with name.
func line(text, name string) string {
	for l := range strings.Lines(text) {
		if key, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func memory(meminfo string) string {
	kib, err := strconv.Atoi(strings.TrimSuffix(line(meminfo, "MemTotal"), " kB"))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

// String is a line about the machine.
func (m Machine) String() string {
	return fmt.Sprintf("%d cores (%s), %s of memory, Linux %s, %s", m.Cores, m.CPU, m.Memory, m.Kernel, m.Go)
}
