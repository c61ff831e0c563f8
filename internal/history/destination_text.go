package history

import (
	"fmt"
	"net"
	"strconv"
)

// Destination returns in words where the session goes, and "" when that is nowhere
// yet: as it was asked for, and in brackets where a name led. An association goes
// to the last of its Targets, and to how many more of n.
func (r *Record) Destination(n int) string {
	if r.Command == "udp" {
		return r.lastTarget(n)
	}
	if r.Host == "" {
		return ""
	}
	to := net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
	if ip := r.Resolved.Addr(); ip.IsValid() && ip.String() != r.Host {
		to += " (" + ip.String() + ")"
	}
	return to
}

func (r *Record) lastTarget(n int) string {
	if len(r.Targets) == 0 {
		return ""
	}
	t := r.Targets[len(r.Targets)-1]
	to := "others"
	switch {
	case t.Host != "":
		to = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	case t.Address.IsValid():
		to = net.JoinHostPort(t.Address.String(), strconv.Itoa(t.Port))
	}
	if n > 1 {
		to += fmt.Sprintf(" and %d more", n-1)
	}
	return to
}
