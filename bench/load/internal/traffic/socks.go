package traffic

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// The words of RFC 1928 and 1929 that apps use.
const (
	version      = 5
	noLogin      = 0
	password     = 2
	cmdConnect   = 1
	cmdAssociate = 3
	ipv4         = 1
)

// greet agrees on a method and logs in.
func (w *Way) greet(c net.Conn) error {
	if w.Bare {
		return nil
	}
	method := byte(noLogin)
	if w.User != "" {
		method = password
	}
	answer, err := ask(c, []byte{version, 1, method}, 2)
	if err != nil {
		return err
	}
	if answer[0] != version || answer[1] != method {
		return fmt.Errorf("method: got % x, want %02x %02x", answer, version, method)
	}
	if w.User == "" {
		return nil
	}
	return w.login(c)
}

func (w *Way) login(c net.Conn) error {
	words := append([]byte{1, byte(len(w.User))}, w.User...)
	words = append(append(words, byte(len(w.Password))), w.Password...)
	answer, err := ask(c, words, 2)
	if err != nil {
		return err
	}
	if answer[1] != 0 {
		return errors.New("the login is refused")
	}
	return nil
}

// request asks for a tunnel to the target.
func (w *Way) request(c net.Conn) error {
	target, err := netip.ParseAddrPort(w.Target)
	if err != nil {
		return err
	}
	_, err = command(c, cmdConnect, target)
	return err
}

// command sends a request and returns the address of the reply.
func command(c net.Conn, what byte, where netip.AddrPort) (netip.AddrPort, error) {
	answer, err := ask(c, appendAddr([]byte{version, what, 0}, where), 10)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if answer[1] != 0 || answer[3] != ipv4 {
		return netip.AddrPort{}, fmt.Errorf("reply: got % x, want success and an IPv4 address", answer)
	}
	ip := netip.AddrFrom4([4]byte(answer[4:8]))
	return netip.AddrPortFrom(ip, uint16(answer[8])<<8|uint16(answer[9])), nil
}

// appendAddr appends an IPv4 address as requests and datagrams have it.
func appendAddr(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As4()
	b = append(append(b, ipv4), ip[:]...)
	return append(b, byte(a.Port()>>8), byte(a.Port()))
}

// ask sends words and returns an answer of n bytes.
func ask(c net.Conn, words []byte, n int) ([]byte, error) {
	c.SetDeadline(time.Now().Add(patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write(words); err != nil {
		return nil, err
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(c, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
