package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// origins is what scripts send to: what they get, they send back.
type origins struct {
	tcp     net.Listener
	udp     net.PacketConn
	closed  string // an address that nobody listens on
	running sync.WaitGroup
}

func newOrigins() (*origins, error) {
	o := new(origins)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.closed = free.Addr().String()
	free.Close()
	tcp, tcpErr := net.Listen("tcp", "127.0.0.1:0")
	udp, udpErr := net.ListenPacket("udp", "127.0.0.1:0")
	if err := errors.Join(tcpErr, udpErr); err != nil {
		return nil, err
	}
	o.tcp, o.udp = tcp, udp
	o.running.Go(o.serveTCP) // these end with close
	o.running.Go(func() { echoAll(o.udp) })
	return o, nil
}

func (o *origins) serveTCP() {
	for {
		c, err := o.tcp.Accept()
		if err != nil {
			return
		}
		o.running.Go(func() { // ends with c, which ends with the processes of the script
			defer c.Close()
			_, _ = io.Copy(c, c) // the client sees the failure
		})
	}
}

func (o *origins) close() {
	o.tcp.Close()
	o.udp.Close()
	o.running.Wait()
}

func scriptDial(ts *testscript.TestScript, _ bool, args []string) {
	c, err := net.DialTimeout("tcp", args[0], scriptLimit)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(scriptLimit)))
	_, err = io.WriteString(c, args[1]+"\n")
	ts.Check(err)
	ts.Check(c.(*net.TCPConn).CloseWrite())
	_, err = io.Copy(ts.Stdout(), c)
	ts.Check(err)
}
