package owner

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// loopback is the index of the loopback device in every network namespace.
const loopback = 1

func ownerOf(c net.Conn) (uid uint32, err error) {
	switch c := c.(type) {
	case *net.UnixConn:
		return control(c, unixOwner)
	case *net.TCPConn:
		return control(c, func(fd int) (uint32, error) { return tcpOwner(fd, c) })
	}
	return 0, fmt.Errorf("%T is no socket whose owner can be asked", c)
}

// control calls f with the descriptor of c.
func control(c syscall.Conn, f func(fd int) (uint32, error)) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	closed := raw.Control(func(fd uintptr) { uid, err = f(int(fd)) })
	if closed != nil {
		return 0, closed
	}
	return uid, err
}

// unixOwner returns who connected the unix socket fd.
func unixOwner(fd int) (uint32, error) {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	return peer.Uid, nil
}

// tcpOwner returns who has the client's socket of c, whose descriptor is fd.
//
// The client may have ended the connection, and another user may have taken its
// port, while the connection waited for accept and what the first one sent is
// still there to be read. So fd is looked at after the question: as long as it
// stands no other client can have the port.
func tcpOwner(fd int, c *net.TCPConn) (uint32, error) {
	uid, err := ask(question{
		protocol: unix.IPPROTO_TCP, src: addrPort(c.RemoteAddr()), dst: addrPort(c.LocalAddr()), device: device(fd),
	})
	if err != nil {
		return 0, err
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, fmt.Errorf("TCP_INFO: %w", err)
	}
	if info.State == unix.BPF_TCP_CLOSE {
		return 0, errOrphan
	}
	return uid, nil
}

// senderOf returns who has the UDP socket that answers from at to from reach.
func senderOf(from, at netip.AddrPort) (uint32, error) {
	return ask(question{protocol: unix.IPPROTO_UDP, src: bare(from), dst: bare(at), device: loopback})
}

// device returns the index of the device by which to look for the client's
// socket: the one that the connection fd is bound to, as those of link-local
// addresses are, else loopback, by which all others of this host arrive. Asked
// without one the system would not see a socket that is bound to loopback.
func device(fd int) uint32 {
	index, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
	if err != nil || index == 0 {
		return loopback
	}
	return uint32(index)
}

func addrPort(a net.Addr) netip.AddrPort { return bare(a.(*net.TCPAddr).AddrPort()) }

// bare returns ap as the system keeps it: without a zone, and IPv4 as such.
func bare(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().WithZone("").Unmap(), ap.Port())
}
