//go:build linux

package realtest_test

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// wiretap passes connections on to an address and keeps what goes by.
type wiretap struct {
	mu    sync.Mutex
	flows []*transcript // one for each direction of each connection
}

// tap listens on loopback and passes what comes on to addr.
func tap(t *testing.T, addr string) (*wiretap, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := new(wiretap)
	var running sync.WaitGroup
	running.Go(func() { // ends when l is closed
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.pass(t, near.(*net.TCPConn), addr) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return w, l.Addr().String()
}

// pass ends when both ends have closed their side.
func (w *wiretap) pass(t *testing.T, near *net.TCPConn, addr string) {
	defer near.Close()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Errorf("tap: %v", err)
		return
	}
	far := conn.(*net.TCPConn)
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { copyTo(far, io.TeeReader(near, w.flow())) })
	both.Go(func() { copyTo(near, io.TeeReader(far, w.flow())) })
	both.Wait()
}

// copyTo copies until r ends, however it does, and passes that end on.
func copyTo(dst *net.TCPConn, r io.Reader) {
	_, _ = io.Copy(dst, r)
	_ = dst.CloseWrite()
}

func (w *wiretap) flow() *transcript {
	w.mu.Lock()
	defer w.mu.Unlock()
	flow := newTranscript()
	w.flows = append(w.flows, flow)
	return flow
}

// recorded returns what went by, one string for each flow.
func (w *wiretap) recorded() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, flow := range w.flows {
		all = append(all, flow.String())
	}
	return all
}

// checkRecords checks that a flow consists of TLS records: a type from 20 to
// 23, version 3.1 or 3.3, a length, and so many bytes. The last may be cut off.
func checkRecords(flow string) error {
	rest := []byte(flow)
	for offset := 0; len(rest) >= 5; {
		length := int(rest[3])<<8 | int(rest[4])
		if rest[0] < 20 || rest[0] > 23 || rest[1] != 3 || length > 16384+256 {
			return fmt.Errorf("no TLS record at byte %d: % x", offset, rest[:5])
		}
		n := min(5+length, len(rest))
		offset, rest = offset+n, rest[n:]
	}
	return nil
}

const marker = "attention, this is readable"

// What goes through a tap between forwarder and server is TLS and nothing else.
func TestWireUDPBINDMutualTLS(t *testing.T) {
	drill, tnftp := program(t, "drill", "ldnsutils"), program(t, "tnftp", "tnftp")
	text := strings.Repeat(marker+". ", 8)
	dns, ftp, origin := nameServer(t, text), newFTPServer(t), newOrigin(t)

	s := serve(t)
	w, addr := tap(t, s.tls)
	s.tls = addr
	proxy := s.forward(t)

	source := writeFile(t, filepath.Join(t.TempDir(), "source"), text)
	upload := curl(t, "--socks5-hostname", proxy, "-T", source, "http://localhost:"+origin+"/")
	if got, want := mustRun(t, upload), textChecksum(text); got != want {
		t.Errorf("CONNECT: the origin got %s, want %s", got, want)
	}
	mustRun(t, socksify(t, proxy, tnftp, "-A", "-u", "ftp://127.0.0.1:"+ftp.port+"/upload/file", source))
	checkFile(t, filepath.Join(ftp.root, "upload", "file"), textChecksum(text))
	out := mustRun(t, socksify(t, proxy, drill, "-p", dns, "@127.0.0.1", "realtest.example", "TXT"))
	if !strings.Contains(out, text) {
		t.Errorf("UDP ASSOCIATE: drill printed %q, want an answer with %q", out, text)
	}

	flows := w.recorded()
	if len(flows) < 8 { // two for each of CONNECT, FTP's own connection, BIND, UDP
		t.Errorf("flows through the tap: got %d, want at least 8", len(flows))
	}
	for _, flow := range flows {
		if err := checkRecords(flow); err != nil {
			t.Error(err)
		}
		if strings.Contains(flow, marker) {
			t.Errorf("readable on the wire: %q", flow)
		}
	}
}

// A tap sees no datagrams. So the ones on the loopback interface are looked at:
// an answer is there readable on its way from the name server to the server,
// and from the forwarder to drill. Between forwarder and server it is only when
// the user asked for that.
func TestWireUDPTLS(t *testing.T) {
	drill := program(t, "drill", "ldnsutils")
	port := nameServer(t, marker)
	for _, test := range []struct {
		udp  string
		want int // ways on which the answer is readable
	}{
		{"tls", 2},
		{"plain", 3},
	} {
		t.Run(test.udp, func(t *testing.T) {
			proxy := serve(t).forward(t, "--udp", test.udp)
			c := capture(t)
			out := mustRun(t, socksify(t, proxy, drill, "-p", port, "@127.0.0.1", "realtest.example", "TXT"))
			if !strings.Contains(out, marker) {
				t.Errorf("drill printed %q, want an answer with %q", out, marker)
			}
			if got := c.ways(t, marker); len(got) != test.want {
				t.Errorf("the answer is readable between the ports %v: %d ways, want %d", got, len(got), test.want)
			}
		})
	}
}
