package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// isAddresses tells of a list of places to listen at.
func (s setting) isAddresses() bool {
	return slices.Contains([]string{"server.listen", "server.tls.listen", "server.admin", "forward.local", "forward.admin"}, s.key)
}

// checkAddresses tells which address cannot be one, before anything is opened.
func (l *loaded) checkAddresses() error {
	for _, s := range l.settings {
		if !s.isAddresses() {
			continue
		}
		list, _ := l.shown(s).([]string)
		for _, address := range list {
			if address == adminOff && strings.HasSuffix(s.key, ".admin") {
				continue
			}
			if err := checkAddress(address); err != nil {
				return l.wrong(s, err)
			}
		}
	}
	return nil
}

// checkAddress tells what is wrong with an address to listen at, which may be one
// of another host.
func checkAddress(address string) error {
	if isUnix(address) {
		if address == "unix:" {
			return errors.New(`"unix:" has no path`)
		}
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	var bad *net.AddrError
	if errors.As(err, &bad) {
		return fmt.Errorf("%q: %s: want host:port or unix:PATH", address, bad.Err)
	}
	if _, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil {
		return fmt.Errorf("%q: %q is no port", address, port)
	}
	return nil
}
