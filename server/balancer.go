package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// Balancers is whom a server believes when they say who a client is: the load
// balancers in front of it, by the PROXY protocol, version 1 or 2.
type Balancers struct {
	// Trusted is where they connect from. A connection from there begins with a
	// header, before TLS, or it is refused; the client that the header names is
	// the client for limits, rules and records. On any other connection a header
	// is no SOCKS, and unix sockets are never trusted.
	Trusted []netip.Prefix
	// Private says that the clients of balancers on loopback are as private as
	// those of a listener there. Else a listener that they connect to is taken
	// to be open to everybody: [ErrOpenProxy].
	Private bool
}

// maxHeader bounds a header of version 2; one of version 1 has at most 107 bytes.
const (
	maxHeader  = 4096
	maxHeader1 = 107
)

// errHeader is why a connection of a balancer is refused.
var errHeader = errors.New("no PROXY header that names the client")

// trust tells whether a connection from addr begins with a header.
func (b *Balancers) trust(addr net.Addr) bool {
	ip := addrPort(addr).Addr().WithZone("")
	for _, prefix := range b.Trusted {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// private tells whether only this host's own users can reach a listener at addr,
// by a balancer or without.
func (b *Balancers) private(addr net.Addr) bool {
	if _, isTCP := addr.(*net.TCPAddr); !isTCP || !isPrivate(addr) {
		return isPrivate(addr)
	}
	for _, prefix := range b.Trusted {
		loopback := netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)
		if prefix.Addr().Is6() {
			loopback = netip.PrefixFrom(netip.IPv6Loopback(), 128)
		}
		if !b.Private || !loopback.Contains(prefix.Addr()) || prefix.Bits() < loopback.Bits() {
			return false
		}
	}
	return true
}

// introduce learns from a balancer who the client is. Only then can it be told
// whether that may stay.
func (c *conn) introduce() error {
	from := c.raw.RemoteAddr()
	if !c.server.Balancers.trust(from) {
		return nil
	}
	client, err := readClient(c.raw)
	if err != nil {
		return fmt.Errorf("from the balancer %v: %w", from, err)
	}
	c.Via = from
	if client != nil {
		c.Client = client
	}
	if err := c.server.meet(c.Session); err != nil {
		c.End(err)
		return err
	}
	return nil
}

// readClient reads a header and returns the client that it names: nil when the
// balancer connects for itself.
func readClient(r io.Reader) (net.Addr, error) {
	b, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(bytes.NewReader(b))
	header, err := proxyproto.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHeader, err)
	}
	if header.Version == 2 && header.Command.IsLocal() {
		return nil, nil
	}
	source, _, ok := header.TCPAddrs()
	if !ok || source.IP.IsUnspecified() || source.IP.IsMulticast() {
		return nil, errHeader
	}
	ap := source.AddrPort()
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())), nil
}

// readHeader reads a header and not a byte more: what follows stays in the
// socket, for TLS or the relay. What cannot be a header is noticed at its first
// byte, and not waited on.
func readHeader(r io.Reader) ([]byte, error) {
	b := make([]byte, 0, 128)
	for n := len(proxyproto.SIGV2); len(b) < n; {
		read, err := r.Read(b[len(b):n])
		b = b[:len(b)+read]
		switch {
		case !bytes.HasPrefix(proxyproto.SIGV2, b) && !bytes.HasPrefix(b, proxyproto.SIGV1[:min(len(b), len(proxyproto.SIGV1))]):
			return nil, errHeader
		case err != nil && len(b) < n:
			return nil, cutOff(err, len(b))
		}
	}
	if bytes.HasPrefix(b, proxyproto.SIGV1) {
		return readLine(r, b)
	}
	b, err := readMore(r, b, 4)
	if err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(b[14:]))
	if size > maxHeader {
		return nil, fmt.Errorf("%w: one of %d bytes", errHeader, size)
	}
	return readMore(r, b, size)
}

// readMore reads n bytes that must come.
func readMore(r io.Reader, b []byte, n int) ([]byte, error) {
	b = append(b, make([]byte, n)...)
	if _, err := io.ReadFull(r, b[len(b)-n:]); err != nil {
		return nil, cutOff(err, len(b))
	}
	return b, nil
}

// cutOff returns err for a header of which some bytes came. An end is in order
// where none did.
func cutOff(err error, came int) error {
	if errors.Is(err, io.EOF) && came > 0 {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", errHeader, err)
}

// readLine reads the rest of a header of version 1.
func readLine(r io.Reader, b []byte) ([]byte, error) {
	for b[len(b)-1] != '\n' {
		if len(b) == maxHeader1 {
			return nil, errHeader
		}
		var err error
		if b, err = readMore(r, b, 1); err != nil {
			return nil, err
		}
	}
	return b, nil
}
