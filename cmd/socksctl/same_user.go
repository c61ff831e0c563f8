package main

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/internal/owner"
	"github.com/socksctl/socksctl/server"
)

// useGate lets in, of the users of this host, only the one that runs the
// service, if key, its name in the configuration, is on.
func (v *service) useGate(key string, on bool) error {
	gate, err := sameUser(key, on)
	if gate != nil {
		v.Gate = func(s *server.Session, c net.Conn) error {
			if named, ok := s.Client.(*net.TCPAddr); ok && s.Via != nil {
				return gate.AdmitNamed(named.AddrPort().Addr())
			}
			return gate.Admit(c)
		}
		v.GateDatagram = func(_ *server.Session, from, at netip.AddrPort) error { return gate.AdmitDatagram(from, at) }
	}
	return err
}

// sameUser returns the gate of useGate, and none when key is off.
func sameUser(key string, on bool) (*owner.Gate, error) {
	if !on {
		return nil, nil
	}
	gate, err := owner.NewGate()
	if err != nil {
		return nil, fmt.Errorf("%s: %w (unix:PATH or --users keep other users out everywhere)", key, err)
	}
	return gate, nil
}
