package client

import (
	"errors"
	"net"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Addr is "host:port" as a net.Addr. A datagram to a name is written to one,
// and the proxy looks the name up.
type Addr string

// Network makes Addr a net.Addr.
func (a Addr) Network() string { return "socks5" }

// String returns a.
func (a Addr) String() string { return string(a) }

// netAddr returns a as TCP addresses go, or as an Addr when it is a name.
func netAddr(a socks5.Addr) net.Addr {
	if a.IsName() {
		return Addr(a.String())
	}
	return net.TCPAddrFromAddrPort(a.AddrPort())
}

// parseTarget reads what DialContext is asked for. Its errors come before
// anything is sent.
func parseTarget(network, address string) (socks5.Addr, error) {
	target, err := parsePeer(network, address)
	if err != nil {
		return target, err
	}
	if target.Host() == "" {
		return target, &net.AddrError{Err: "missing host", Addr: address}
	}
	return target, nil
}

// parsePeer is parseTarget for Listen, where no host means any.
func parsePeer(network, address string) (socks5.Addr, error) {
	var addr socks5.Addr
	if address != "" {
		var err error
		if addr, err = socks5.ParseAddr(address); err != nil {
			return addr, unlessNamed(err, address)
		}
	}
	return addr, fitsNetwork(network, addr, address)
}

// unlessNamed adds the address to an error that does not have it yet.
func unlessNamed(err error, address string) error {
	if addrErr := (*net.AddrError)(nil); errors.As(err, &addrErr) {
		return err
	}
	return &targetError{Addr: address, Err: err}
}

// targetError tells of an address that cannot be asked for.
type targetError struct {
	Addr string
	Err  error
}

// Error names the address, cut to a length that a log bears.
func (e *targetError) Error() string {
	const enough = 64
	if len(e.Addr) > enough {
		return "address " + e.Addr[:enough] + "...: " + e.Err.Error()
	}
	return "address " + e.Addr + ": " + e.Err.Error()
}

// Unwrap returns what is wrong with the address.
func (e *targetError) Unwrap() error { return e.Err }

// fitsNetwork tells whether addr belongs to network. A name fits all: which
// addresses it has is for the proxy to find out.
func fitsNetwork(network string, addr socks5.Addr, address string) error {
	ip := addr.IP
	switch network {
	case "tcp":
		return nil
	case "tcp4":
		if !ip.IsValid() || ip.Is4() {
			return nil
		}
		return &net.AddrError{Err: "not an IPv4 address", Addr: address}
	case "tcp6":
		if !ip.IsValid() || ip.Is6() {
			return nil
		}
		return &net.AddrError{Err: "not an IPv6 address", Addr: address}
	}
	return net.UnknownNetworkError(network)
}
