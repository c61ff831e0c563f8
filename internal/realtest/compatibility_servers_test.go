//go:build linux

package realtest_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
)

// serverTrials is the servers that socksctl uses.
func serverTrials() []trial {
	const noFrames = "UDP inside TLS: it knows neither command for that, and it is never sent in clear text instead unless `--udp plain` says so"
	return []trial{
		{"Dante (danted) behind stunnel", versionOf("danted", "dante-server", "-v"), "CONNECT and BIND; UDP ASSOCIATE with `--udp plain`", noFrames, tryDanted},
		{"microsocks behind stunnel", packaged("microsocks"), "CONNECT", "BIND and UDP ASSOCIATE, which it refuses with REP 07", tryMicrosocks},
		{"frames of UDP-TUN (`0xF3`)", noVersion, "UDP inside TLS, byte for byte as written down", "", tryFrames("udp-tun")},
		{"frames of FWD UDP (`0x05`)", noVersion, "UDP inside TLS, byte for byte as written down, after `0xF3` was refused", "", tryFrames("fwd-udp")},
	}
}

func noVersion(*testing.T) string { return "-" }

// beside runs a server that speaks SOCKS at address until the test ends, and waits
// until it does.
func beside(t *testing.T, address string, cmd *exec.Cmd) {
	t.Helper()
	said, exited := newTranscript(), make(chan struct{})
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait() // it is killed
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // its children end with it
		<-exited
		if t.Failed() {
			t.Logf("%s\n%s", cmd.Path, said)
		}
	})
	for end := time.Now().Add(startLimit); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("%s ended: %s", cmd.Path, said)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v\n%s", cmd.Path, err, said)
		}
	}
}

// behindTLS puts TLS in front of a server at address, by stunnel, and returns ways
// to it: by package client, and by a forwarder.
func behindTLS(t *testing.T, address string, flags ...string) (direct, forwarded *client.Dialer) {
	t.Helper()
	keys := certificates(t)
	port := stunnel(t, fmt.Sprintf("client = no\nconnect = %s\ncert = %s\nkey = %s\n", address, keys.file("server.crt"), keys.file("server.key")))
	direct = &client.Dialer{Address: "127.0.0.1:" + port, TLS: keys.trusted(t)}
	near := server{tls: "127.0.0.1:" + port}.forward(t, flags...)
	return direct, &client.Dialer{Address: near}
}

func tryDanted(t *testing.T, _ rig) {
	if os.Getuid() != 0 {
		lacking(t, "danted has to be started by root")
	}
	host := ownLoopback()
	config := writeFile(t, filepath.Join(t.TempDir(), "danted.conf"), fmt.Sprintf(`logoutput: stderr
internal: %s port = 1080
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 command: connect bind udpassociate bindreply udpreply }
`, host))
	beside(t, host+":1080", command(program(t, "danted", "dante-server"), "-f", config))
	to := newEchoes(t)
	direct, forwarded := behindTLS(t, host+":1080")
	for _, d := range []*client.Dialer{direct, forwarded} {
		for _, s := range []live{tunnel(t, d, to), waiting(t, d)} {
			if err := s.alive(); err != nil {
				t.Errorf("%s through %s: %v", s.what, d, err)
			}
			s.close()
		}
		if pc, err := d.ListenPacket(t.Context(), "udp", ""); err == nil {
			pc.Close()
			t.Errorf("an association through %s, in clear text", d)
		}
	}
	direct, forwarded = behindTLS(t, host+":1080", "--udp", "plain")
	direct.UDP = client.UDPPlain
	for _, d := range []*client.Dialer{direct, forwarded} {
		association(t, d, to).close()
	}
}

func tryMicrosocks(t *testing.T, _ rig) {
	host := ownLoopback()
	beside(t, host+":1080", command(program(t, "microsocks", "microsocks"), "-i", host, "-p", "1080"))
	to := newEchoes(t)
	direct, forwarded := behindTLS(t, host+":1080")
	for _, d := range []*client.Dialer{direct, forwarded} {
		s := tunnel(t, d, to)
		if err := s.alive(); err != nil {
			t.Errorf("through %s: %v", d, err)
		}
		s.close()
		if l, err := d.Listen(t.Context(), "tcp", "0.0.0.0:0"); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("BIND through %s: got %v, %v, want REP 07", d, l, err)
		}
		if pc, err := d.ListenPacket(t.Context(), "udp", ""); err == nil {
			pc.Close()
			t.Errorf("an association through %s", d)
		}
	}
	direct.UDP = client.UDPPlain
	if pc, err := direct.ListenPacket(t.Context(), "udp", ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("UDP ASSOCIATE through %s: got %v, %v, want REP 07", direct, pc, err)
	}
}
