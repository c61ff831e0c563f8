package carrier_test

import (
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

func TestUDPSmoke(t *testing.T) {
	relay := listenUDP(t, "udp", "127.0.0.1:0")
	app := dialUDP(t, addrPort(relay))
	var d drops
	srv, err := carrier.NewPacketServer(relay, carrier.PeerOf(addrPort(app), socks5.Addr{}, false), d.count)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := carrier.NewPacketClient(app, addrPort(relay), d.count)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cl, to(t, "example.com:53", "hello"), to(t, "1.2.3.4:5", ""), to(t, "[::1]:5", filled(65000)))
	t.Log(len(read(t, srv, 3)))
	write(t, srv, to(t, "1.2.3.4:5", "back"))
	t.Log(read(t, cl, 1))
	a, b := net.Pipe()
	for _, cmd := range []socks5.Command{socks5.UDPTun, socks5.FwdUDP} {
		if cmd == socks5.FwdUDP {
			a, b = net.Pipe()
		}
		sa, sb := carrier.NewStream(a, nil, cmd, d.count), carrier.NewStream(b, nil, cmd, d.count)
		write(t, sa, to(t, "example.com:53", "hello"), to(t, "1.2.3.4:5", ""), to(t, "[::1]:5", filled(65507)))
		got := read(t, sb, 3)
		t.Log(got[0], got[1], len(got[2].data))
		sb.Close()
		sa.Close()
	}
	d.want(t, nil)
}
