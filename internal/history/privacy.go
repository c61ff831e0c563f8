package history

import (
	"fmt"
	"net/netip"
)

// Destinations says how much of where sessions went is kept.
type Destinations string

// What can be kept of destinations.
const (
	FullDestinations Destinations = "full" // host, port and address
	HostDestinations Destinations = "host" // the host as it was asked for, and nothing else
	NoDestinations   Destinations = "none"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Destinations) UnmarshalText(b []byte) error {
	switch v := Destinations(b); v {
	case FullDestinations, HostDestinations, NoDestinations:
		*d = v
		return nil
	}
	return fmt.Errorf("%q is not one of full, host, none", b)
}

// apply takes out of r what is not kept. Errors name addresses.
func (d Destinations) apply(r *Record) {
	if d != HostDestinations && d != NoDestinations {
		return
	}
	r.Port, r.Resolved, r.Error = 0, netip.AddrPort{}, ""
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Host == "" && t.Address.IsValid() {
			t.Host = t.Address.String()
		}
		t.Address, t.Port = netip.Addr{}, 0
	}
	if d == HostDestinations {
		return
	}
	r.Host, r.Targets = "", nil
}
