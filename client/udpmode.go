package client

import "fmt"

// UDPMode says how datagrams travel between this host and the proxy. To a
// proxy without TLS they travel as RFC 1928, section 7, has it in every mode
// but [UDPOff].
type UDPMode uint8

// The modes.
const (
	UDPTLS   UDPMode = iota // inside the TLS connection, or not at all
	UDPPlain                // beside the TLS connection, readable by everyone on the way
	UDPOff                  // not at all
)

// String returns the mode as the command line has it: "tls", "plain", "off".
func (m UDPMode) String() string {
	switch m {
	case UDPTLS:
		return "tls"
	case UDPPlain:
		return "plain"
	case UDPOff:
		return "off"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// ParseUDPMode is the inverse of [UDPMode.String].
func ParseUDPMode(s string) (UDPMode, error) {
	for m := UDPTLS; m <= UDPOff; m++ {
		if s == m.String() {
			return m, nil
		}
	}
	return UDPTLS, fmt.Errorf("udp mode %q is none of tls, plain, off", s)
}
