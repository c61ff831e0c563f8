//go:build !linux

package carrier

import "net"

// newTransport returns the fastest transport that this system has.
func newTransport(pc *net.UDPConn, drop DropFunc) (transport, error) { return newSingle(pc, drop) }

// sysIn and sysOut are empty where the system moves one datagram a call.
type (
	sysIn  struct{}
	sysOut struct{}
)

func (sysIn) init(*inBatch) {}
