package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"

	"github.com/socksctl/socksctl/internal/errno"
)

// PortRange is the ports that BIND listeners and UDP relays are opened on, both
// ends included; a Last below First counts as First. The zero PortRange is
// whatever the system gives.
type PortRange struct{ First, Last uint16 }

// ParsePortRange reads "40000-40999" or a single port.
func ParsePortRange(s string) (PortRange, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	b, errB := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if errA != nil || errB != nil || a == 0 || a > b {
		return PortRange{}, fmt.Errorf("port range %q is not FIRST-LAST with ports from 1 to 65535", s)
	}
	return PortRange{uint16(a), uint16(b)}, nil
}

// String returns r as [ParsePortRange] reads it, and "" for the zero PortRange.
func (r PortRange) String() string {
	if r == (PortRange{}) {
		return ""
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Contains tells whether port is in r; every port is in the zero PortRange.
func (r PortRange) Contains(port uint16) bool {
	return r == (PortRange{}) || r.First <= port && port <= max(r.First, r.Last)
}

// errPortsTaken tells that no port of a range is free.
var errPortsTaken = errors.New("every port of the range is taken")

// open calls try with ports of r until one of them is free, beginning at
// random, so that ports cannot be guessed and are not used again at once.
func (r PortRange) open(try func(port uint16) error) error {
	if r == (PortRange{}) {
		return try(0)
	}
	size := int(max(r.First, r.Last)) - int(r.First) + 1
	start := rand.IntN(size)
	for i := range size {
		err := try(r.First + uint16((start+i)%size))
		if !errno.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
	return errPortsTaken
}
