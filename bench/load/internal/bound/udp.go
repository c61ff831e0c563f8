package bound

import (
	"net"
	"net/netip"
)

// buffer is how much may wait in the socket that all apps send to.
const buffer = 4 << 20

// serveUDP moves datagrams between apps and the target. Each app has a socket
// towards the target.
func serveUDP(c Config) error {
	at, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return err
	}
	target, err := netip.ParseAddrPort(c.Target)
	if err != nil {
		return err
	}
	apps, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	_ = apps.SetReadBuffer(buffer)            // the default holds fewer datagrams than are under way
	ready, err := net.Listen("tcp", c.Listen) // for whoever waits until this runs
	if err != nil {
		return err
	}
	defer ready.Close()
	towards := make(map[netip.AddrPort]*net.UDPConn)
	for b := make([]byte, 1<<16); ; {
		n, from, err := apps.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		s := towards[from]
		if s == nil {
			if s, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
				return err
			}
			towards[from] = s
			go answers(apps, s, from) // ends with the process
		}
		_, _ = s.WriteToUDPAddrPort(b[:n], target) // it may be lost
	}
}

// answers moves what comes back for an app.
func answers(apps, s *net.UDPConn, app netip.AddrPort) {
	for b := make([]byte, 1<<16); ; {
		n, _, err := s.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		_, _ = apps.WriteToUDPAddrPort(b[:n], app) // it may be lost
	}
}
