package socks5

import (
	"fmt"
	"io"
)

// Command is the CMD byte of a request.
type Command byte

// The commands of RFC 1928, section 4, and the two private ones that carry
// datagrams on the control connection (docs/protocol.md).
const (
	Connect   Command = 0x01
	Bind      Command = 0x02
	Associate Command = 0x03
	FwdUDP    Command = 0x05
	UDPTun    Command = 0xF3
)

// String returns the name of c as logs and rules have it.
func (c Command) String() string {
	switch c {
	case Connect:
		return "connect"
	case Bind:
		return "bind"
	case Associate, FwdUDP, UDPTun:
		return "udp"
	}
	return fmt.Sprintf("command 0x%02x", byte(c))
}

// Known tells whether c is one of the commands of this package.
func (c Command) Known() bool {
	switch c {
	case Connect, Bind, Associate, FwdUDP, UDPTun:
		return true
	}
	return false
}

// Request is what a client asks for (RFC 1928, section 4).
type Request struct {
	Command Command
	Addr    Addr // DST.ADDR and DST.PORT
}

// AppendRequest appends req.
func AppendRequest(b []byte, req Request) []byte {
	return AppendAddr(append(b, Version, byte(req.Command), 0x00), req.Addr)
}

// ReadRequest reads a client's request. RSV is ignored. Its errors are
// [ErrVersion], [ErrAddressType], and what r returns; with ErrAddressType the
// Command has been read, and the length of what follows is unknown.
func ReadRequest(r io.Reader) (Request, error) {
	var buf [3 + shortAddr]byte
	if err := readVersion(r, buf[:1], Version); err != nil {
		return Request{}, err
	}
	if _, err := io.ReadFull(r, buf[1:3]); err != nil {
		return Request{}, unexpected(err)
	}
	req := Request{Command: Command(buf[1])}
	addr, err := readAddr(r, buf[3:])
	if err != nil {
		return req, unexpected(err)
	}
	req.Addr = addr
	return req, nil
}

// AppendReply appends a server's reply with BND.ADDR and BND.PORT.
func AppendReply(b []byte, reply Reply, bound Addr) []byte {
	return AppendAddr(append(b, Version, byte(reply), 0x00), bound)
}

// ReadReply reads a server's reply and returns its code as an error unless it
// is [Succeeded]. A refusal counts even when the server cuts it short; its
// address is then the zero Addr.
func ReadReply(r io.Reader) (Addr, error) {
	var buf [3 + shortAddr]byte
	if err := readVersion(r, buf[:1], Version); err != nil {
		return Addr{}, err
	}
	if _, err := io.ReadFull(r, buf[1:2]); err != nil {
		return Addr{}, unexpected(err)
	}
	reply := Reply(buf[1])
	_, err := io.ReadFull(r, buf[2:3])
	var bound Addr
	if err == nil {
		bound, err = readAddr(r, buf[3:])
	}
	if reply != Succeeded {
		return bound, reply
	}
	return bound, unexpected(err)
}
