package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
)

// stepTimeout is how long any one step may take.
const stepTimeout = 20 * time.Second

// demonstration sends one request of each kind through a stack, byte by byte as
// an app does that knows plain SOCKS5.
type demonstration struct {
	stack *stack
	print printer
}

// connect fetches a page from the origin.
func (d *demonstration) connect(ctx context.Context) error {
	d.print.step("CONNECT", "a web page from %s", d.stack.web)
	_, port, err := net.SplitHostPort(d.stack.web.String())
	if err != nil {
		return err
	}
	target, err := socks5.ParseAddr(net.JoinHostPort(here(ctx), port))
	if err != nil {
		return err
	}
	c, _, err := d.ask(ctx, socks5.Connect, target)
	if err != nil {
		return fmt.Errorf("CONNECT: %w", err)
	}
	defer c.Close()
	page := "GET /connect-in-clear HTTP/1.0\r\n\r\n"
	if _, err := io.WriteString(c, page); err != nil {
		return err
	}
	response, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	_, body, _ := bytes.Cut(response, []byte("\r\n\r\n"))
	return d.sum("connect-in-clear", body)
}

// here returns a name of this host, as a name is what apps send; and its address where
// no name is known, as in a system that is being set up.
func here(ctx context.Context) string {
	if _, err := net.DefaultResolver.LookupHost(ctx, "localhost"); err != nil {
		return "127.0.0.1"
	}
	return "localhost"
}

// udp sends a datagram to the origin, which sends it back.
func (d *demonstration) udp(ctx context.Context) error {
	d.print.step("UDP ASSOCIATE", "a datagram to %s", d.stack.echo)
	c, relay, err := d.ask(ctx, socks5.Associate, socks5.Addr{})
	if err != nil {
		return fmt.Errorf("UDP ASSOCIATE: %w", err)
	}
	defer c.Close()
	pc, err := net.Dial("udp", relay.String())
	if err != nil {
		return err
	}
	defer pc.Close()
	_ = pc.SetDeadline(time.Now().Add(stepTimeout)) // one that cannot be set fails the read
	sent := append(socks5.AppendDatagramHeader(nil, socks5.AddrOf(d.stack.echo)), "datagram-in-clear"...)
	d.print.wire("app → forwarder (UDP)", sent)
	if _, err := pc.Write(sent); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	n, err := pc.Read(buf)
	if err != nil {
		return fmt.Errorf("UDP ASSOCIATE: no answer: %w", err)
	}
	d.print.wire("forwarder → app (UDP)", buf[:n])
	_, body, err := socks5.DecodeDatagram(buf[:n])
	if err != nil {
		return err
	}
	return d.sum("datagram-in-clear", body)
}

// bind lets the origin connect to a port that the server opened.
func (d *demonstration) bind(ctx context.Context) error {
	d.print.step("BIND", "a connection from the origin back to the app")
	anyone := socks5.AddrFrom(netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
	c, bound, err := d.ask(ctx, socks5.Bind, anyone)
	if err != nil {
		return fmt.Errorf("BIND: %w", err)
	}
	defer c.Close()
	origin, err := net.Dial("tcp", bound.String())
	if err != nil {
		return err
	}
	defer origin.Close()
	if err := d.answer(c); err != nil {
		return fmt.Errorf("BIND: %w", err)
	}
	if _, err := io.WriteString(origin, "called-back-in-clear"); err != nil {
		return err
	}
	origin.Close()
	body, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	return d.sum("called-back-in-clear", body)
}

// ask goes through greeting and request, and returns the connection and what
// the reply says.
func (d *demonstration) ask(ctx context.Context, command socks5.Command, addr socks5.Addr) (net.Conn, socks5.Addr, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", d.stack.local.String())
	if err != nil {
		return nil, socks5.Addr{}, err
	}
	_ = c.SetDeadline(time.Now().Add(stepTimeout)) // one that cannot be set fails the read
	greeting := socks5.AppendGreeting(nil, socks5.MethodNone)
	request := socks5.AppendRequest(nil, socks5.Request{Command: command, Addr: addr})
	d.print.wire("app → forwarder", greeting, request)
	if _, err := c.Write(append(greeting, request...)); err != nil {
		c.Close()
		return nil, socks5.Addr{}, err
	}
	method, err := socks5.ReadMethod(c)
	if err != nil {
		c.Close()
		return nil, socks5.Addr{}, err
	}
	bound, err := socks5.ReadReply(c)
	if err != nil {
		c.Close()
		return nil, socks5.Addr{}, err
	}
	d.print.wire("forwarder → app", socks5.AppendMethod(nil, method), socks5.AppendReply(nil, socks5.Succeeded, bound))
	return c, bound, nil
}

// answer reads the second reply of a BIND.
func (d *demonstration) answer(c net.Conn) error {
	peer, err := socks5.ReadReply(c)
	if err != nil {
		return err
	}
	d.print.wire("forwarder → app", socks5.AppendReply(nil, socks5.Succeeded, peer))
	return nil
}

// sum says what crossed the wire between forwarder and server, and what the app
// got in the end, which must not be nothing.
func (d *demonstration) sum(secret string, body []byte) error {
	if len(body) == 0 {
		return fmt.Errorf("nothing came back")
	}
	wire, err := d.stack.tap.record.summary([]byte(secret))
	if err != nil {
		return err
	}
	d.print.line("forwarder ↔ server", "%s", wire)
	d.print.line("app got", "%q", bytes.TrimSpace(body))
	return nil
}
