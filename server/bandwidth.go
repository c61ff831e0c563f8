package server

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// leastBandwidth is the least that lets anything happen before a client gives up.
const leastBandwidth = 1 << 10

// ParseBandwidth reads bytes a second: "10MiB", "512KiB", "1MB", "1000000". Zero is
// no bound, and less than 1KiB an error.
func ParseBandwidth(s string) (int64, error) {
	digits := strings.TrimRight(s, "BKMGTik ")
	unit := unitOf(strings.TrimSpace(s[len(digits):]))
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || unit == 0 || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf(`%q is not a bandwidth such as "10MiB", "512KiB", "1MB" or "1000000"`, s)
	}
	if n *= unit; n != 0 && n < leastBandwidth {
		return 0, fmt.Errorf("%q is less than 1KiB, and 0 is no limit", s)
	}
	return n, nil
}

// unitOf returns how many bytes a unit is, and 0 for none that is known.
func unitOf(s string) int64 {
	return map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[s]
}
