package client_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
)

// FuzzServer lets a server say anything at all to each of the three commands.
func FuzzServer(f *testing.F) {
	f.Add([]byte(takeNone + replyOK + replyOK))
	f.Add([]byte(takeLogin + loginOK + replyOK))
	f.Add([]byte(takeLogin + "\x01\x01"))
	f.Add([]byte(takeNone + "\x05\x05\x00\x03\xffshort"))
	f.Add([]byte("HTTP/1.1 400"))
	f.Fuzz(func(t *testing.T, said []byte) {
		d := &client.Dialer{Address: "proxy:1080", User: "alice", Password: "secret", Timeout: 5 * time.Second}
		d.Forward = plainDialer(func(string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far)
			go func() {
				far.Write(said)
				far.Close()
			}()
			return near, nil
		})
		if c, err := d.DialContext(t.Context(), "tcp", "example.org:80"); err == nil {
			io.Copy(io.Discard, c)
			c.Close()
		}
		if ln, err := d.Listen(t.Context(), "tcp", ":0"); err == nil {
			if c, err := ln.Accept(); err == nil {
				c.Close()
			}
			ln.Close()
		}
		if pc, err := d.ListenPacket(t.Context(), "udp", ""); err == nil {
			pc.Close()
			t.Error("an association past Forward")
		}
	})
}
