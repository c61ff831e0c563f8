package acl

import (
	"fmt"
	"strconv"
	"strings"
)

// ports is 443, "8000-9000", "*", several of these with commas, or a list.
type ports []portRange

type portRange struct{ first, last uint16 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *ports) UnmarshalText(b []byte) error {
	*p = nil
	for s := range strings.SplitSeq(string(b), ",") {
		var one portRange
		if err := one.UnmarshalText([]byte(strings.TrimSpace(s))); err != nil {
			return fmt.Errorf(`%q is not ports such as "443", "8000-9000", "80,443" or "*"`, b)
		}
		*p = append(*p, one)
	}
	return nil
}

// UnmarshalText implements encoding.TextUnmarshaler, for an element of a list.
func (p *portRange) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "*" {
		s = "0-65535"
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	low, errLow := strconv.ParseUint(first, 10, 16)
	high, errHigh := strconv.ParseUint(last, 10, 16)
	if errLow != nil || errHigh != nil || low > high {
		return fmt.Errorf(`%q is not a port such as "443", "8000-9000" or "*"`, b)
	}
	*p = portRange{uint16(low), uint16(high)}
	return nil
}
