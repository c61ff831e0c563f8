//go:build unix

package inherit_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/inherit"
)

// childVariable says to a copy of this program that it is one that systemd starts.
const childVariable = "INHERIT_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// child prints what it was passed, and what is left of the variables.
func child() {
	set, err := inherit.FromSystemd("plain", "tls")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, kind := range []string{"plain", "tls"} {
		for _, l := range set.Passed(kind) {
			fmt.Println(l.Kind, l.Addr(), l.Passed, l.Asked)
			l.Close()
		}
	}
	fmt.Printf("left %q\n", os.Getenv("LISTEN_PID")+os.Getenv("LISTEN_FDS")+os.Getenv("LISTEN_FDNAMES"))
}

// passedTo runs a child that is passed files under names.
func passedTo(t *testing.T, names string, files ...*os.File) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", "GORACE=atexit_sleep_ms=0", "LISTEN_FDNAMES="+names, fmt.Sprintf("LISTEN_FDS=%d", len(files)))
	cmd.ExtraFiles = files
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// fileOf returns the descriptor of a socket.
func fileOf(t *testing.T, socket any) *os.File {
	t.Helper()
	f, err := socket.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFromSystemd(t *testing.T) {
	path := socket(t)
	tcp, unix := listen(t, "127.0.0.1:0"), listen(t, "unix:"+path)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	connected, _ := pair(t)
	want := "plain " + tcp.Addr().String() + " true \ntls " + path + " true \nleft \"\"\n"
	if got := passedTo(t, "socksctl-tls:socksctl-plain", fileOf(t, unix), fileOf(t, tcp)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the path belongs to systemd: %v", err)
	}
	if got := passedTo(t, ""); got != "left \"\"\n" {
		t.Errorf("nothing: got %q", got)
	}
	for names, c := range map[string]struct {
		socket any
		want   string
	}{
		"":               {tcp, "FileDescriptorName=LISTEN_FD_3: want one of socksctl-plain, socksctl-tls"},
		"socksctl-admin": {tcp, "FileDescriptorName=socksctl-admin: want one of "},
		"plain":          {tcp, "FileDescriptorName=plain: want one of "},
		"socksctl-plain": {udp, "socksctl-plain: not a stream socket that listens"},
		"socksctl-tls":   {connected, "socksctl-tls: a connection, not a socket that listens: Accept=no"},
	} {
		if got := passedTo(t, names, fileOf(t, c.socket)); !strings.HasPrefix(got, "a socket that systemd passed: "+c.want) {
			t.Errorf("%q: got %q, want %q", names, got, c.want)
		}
	}
}
