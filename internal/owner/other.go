//go:build !linux

package owner

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

var errSystem = fmt.Errorf("whose socket a client has can be asked on Linux only: %w", errors.ErrUnsupported)

func ownerOf(net.Conn) (uint32, error) { return 0, errSystem }

func senderOf(_, _ netip.AddrPort) (uint32, error) { return 0, errSystem }

func probe(uint32) error { return errSystem }
