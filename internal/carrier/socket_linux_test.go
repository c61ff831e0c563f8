package carrier_test

import (
	"testing"

	"github.com/socksctl/socksctl/internal/carrier"
)

// What a socket had no room for is counted with the next datagram that it had
// room for, so that what is sent is what arrives and what is counted.
func TestUDPSocketCountsOverflow(t *testing.T) {
	var d drops
	s := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), &d, func(portable) {})
	far := listenUDP(t, "udp", "127.0.0.1:0")
	const burst = 200
	for range burst { // some 12 MB, which no default buffer holds
		if _, err := far.WriteToUDPAddrPort([]byte(filled(60000)), addrPort(s)); err != nil {
			t.Fatal(err)
		}
	}
	arrived := len(read(t, s, 1))
	if _, err := far.WriteToUDPAddrPort([]byte("end"), addrPort(s)); err != nil {
		t.Fatal(err)
	}
	for read(t, s, 1)[0].data != "end" {
		arrived++
	}
	lost := d[carrier.DropFull].Load()
	if lost == 0 || arrived+int(lost) != burst {
		t.Errorf("got %d arrived and %d counted as lost, want %d together and some of both", arrived, lost, burst)
	}
}
