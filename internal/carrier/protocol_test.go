package carrier_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// examples are the code blocks of the document: kind, what it shows, its bytes.
var examples = regexp.MustCompile("(?m)^```(packet|udp-tun|fwd-udp|request) ([^ \n]+) ?(.*)\n([0-9a-f \n]+)```$")

// The document's examples are what the code writes and reads.
func TestUDPProtocolExamples(t *testing.T) {
	doc, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int{}
	for _, m := range examples.FindAllStringSubmatch(string(doc), -1) {
		kind, subject, data, wire := m[1], m[2], m[3], unhex(t, strings.ReplaceAll(m[4], "\n", ""))
		shown[kind]++
		t.Run(kind+" "+subject, func(t *testing.T) {
			switch kind {
			case "request":
				command := socks5.Command(unhex(t, subject)[0])
				wantBytes(t, socks5.AppendRequest(nil, socks5.Request{Command: command}), wire)
			case "packet":
				d := to(t, subject, data)
				wantBytes(t, append(socks5.AppendDatagramHeader(nil, d.Addr), data...), wire)
				addr, payload, err := socks5.DecodeDatagram(wire)
				if err != nil || addr != d.Addr || string(payload) != data {
					t.Errorf("read: got %v, %q, %v", addr, payload, err)
				}
			default:
				command := map[string]socks5.Command{"udp-tun": socks5.UDPTun, "fwd-udp": socks5.FwdUDP}[kind]
				wantFrame(t, command, datagram{subject, data}, wire)
			}
		})
	}
	want := map[string]int{"packet": 2, "udp-tun": 2, "fwd-udp": 2, "request": 2}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("examples (-want +got):\n%s", diff)
	}
	for r := range carrier.NumDrops {
		if !strings.Contains(string(doc), "\n| `"+r.String()+"` | ") {
			t.Errorf("the reason %q is not in the table of drops", r)
		}
	}
}

func wantBytes(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// wantFrame wants a Stream to write g as wire and to read wire as g.
func wantFrame(t *testing.T, command socks5.Command, g datagram, wire []byte) {
	t.Helper()
	a, b := net.Pipe()
	s := newStream(t, a, command, nil)
	write(t, s, to(t, g.addr, g.data))
	got := make([]byte, len(wire))
	if _, err := io.ReadFull(b, got); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, got, wire)
	go b.Write(wire)
	if back := read(t, s, 1); back[0] != g {
		t.Errorf("read: got %v, want %v", back[0], g)
	}
}
