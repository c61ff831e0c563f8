//go:build linux

package realtest_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
)

// probe asks for a page as curl sees it: its status, and what it says.
func probe(t *testing.T, address, page string) string {
	t.Helper()
	args := []string{"--no-fail", "-w", " %{http_code}", "http://localhost" + page}
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		args = append(args, "--unix-socket", path)
	} else {
		args[len(args)-1] = "http://" + address + page
	}
	return strings.ReplaceAll(mustRun(t, curl(t, args...)), "\n", "")
}

// A service that drains says so to who asks whether it is ready, goes on to tell of
// itself, and ends with its last session.
func TestReadyWhileDraining(t *testing.T) {
	server := start(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	proxy := server.await(t, listening, 1)[0][1]
	at := server.await(t, regexpOf(`msg=admin address=(\S+)`), 1)[0][1]
	held := sessions(t, &client.Dialer{Address: proxy}, newEchoes(t))
	if got, want := probe(t, at, "/readyz"), `{"status":"ok"} 200`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	server.signal(t, syscall.SIGTERM)
	server.await(t, regexpOf("msg=draining"), 1)
	for page, want := range map[string]string{
		"/readyz":  `{"status":"unready"} 503`,
		"/healthz": `{"status":"ok"} 200`,
	} {
		if got := probe(t, at, page); got != want {
			t.Errorf("%s: got %s, want %s", page, got, want)
		}
	}
	asked := admin.Client{Address: at}
	status, err := asked.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(status.Started); age < 0 || age > startLimit+stopLimit || status.Version == "" {
		t.Errorf("version %q, started %v ago", status.Version, age)
	}
	status.Started, status.Version = time.Time{}, ""
	want := admin.Status{
		Service: admin.Serve, Reason: "draining",
		Listeners: []admin.Listener{{Address: proxy, Protocol: "socks5"}},
		Sessions:  map[string]int{"connect": 1, "bind": 1, "udp": 1},
	}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, s := range held {
		s.close()
	}
	<-server.exited
}

// The certificates are told of: a server's own, and what a forwarder shows.
func TestCertificateStatus(t *testing.T) {
	keys, s := certificates(t), serve(t)
	forward := start(t, append([]string{"forward", "--local", "127.0.0.1:0", "--server", s.url(), "--admin", "127.0.0.1:0"}, keys.client()...)...)
	at := forward.await(t, regexpOf(`msg=admin address=(\S+)`), 1)[0][1]
	asked := admin.Client{Address: at}
	status, err := asked.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := status.Certificate; !status.Ready || status.Service != admin.Forward || c == nil || c.Subject != "CN=alice" || c.NotAfter.Before(time.Now()) {
		t.Errorf("got %+v", status)
	}
	if page := mustRun(t, curl(t, "http://"+at+"/metrics")); !strings.Contains(page, "\nsocksctl_tls_certificate_expiry_timestamp_seconds ") {
		t.Error("the end of the certificate is no metric")
	}
}

// What the runtime tells on the admin socket, go tool pprof reads.
func TestPprof(t *testing.T) {
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	cache := strings.TrimSpace(mustRun(t, exec.Command(gotool, "env", "GOCACHE"))) // it builds pprof when that is not there
	dir := runtimeDir(t)
	server := start(t, "serve", "--listen", "127.0.0.1:0", "--admin", "unix:"+filepath.Join(dir, "s"), "--pprof")
	server.await(t, regexpOf(`msg=admin address=(\S+)`), 1)
	for page, want := range map[string]string{
		"goroutine": "runtime.gopark", "heap": "flat%", "profile?seconds=1": "Type: cpu",
	} {
		file := filepath.Join(dir, page[:4])
		mustRun(t, curl(t, "--unix-socket", filepath.Join(dir, "s"), "-o", file, "http://localhost/debug/pprof/"+page))
		pprof := command(gotool, "tool", "pprof", "-top", file)
		pprof.Env = append(pprof.Env, "GOCACHE="+cache)
		if said := mustRun(t, pprof); !strings.Contains(said, want) {
			t.Errorf("%s: got %s, want %s in it", page, said, want)
		}
	}
}

// A forwarder tells of each of its servers, and is ready as long as one works.
func TestReadyOfForwarderMutualTLS(t *testing.T) {
	keys := certificates(t)
	one, first := serveOnly(t, "server", keys)
	two, second := serveOnly(t, "server", keys)
	forward := start(t, append([]string{"forward", "--local", "127.0.0.1:0", "--server", first, "--server", second,
		"--check-interval", "100ms", "--admin", "127.0.0.1:0"}, keys.client()...)...)
	at := forward.await(t, regexpOf(`msg=admin address=(\S+)`), 1)[0][1]
	told := func(ready string, up, lost int) {
		t.Helper()
		for end := time.Now().Add(startLimit); ; {
			page := mustRun(t, curl(t, "http://"+at+"/metrics"))
			got := probe(t, at, "/readyz")
			ups := len(regexpOf(`(?m)^socksctl_upstream_up\{server="socks5\+tls://localhost:\d+"\} 1$`).FindAllString(page, -1))
			downs := len(regexpOf(`(?m)^socksctl_upstream_up\{.*\} 0$`).FindAllString(page, -1))
			if got == ready && ups == up && downs == lost {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d servers are up and %d down with %s, want %d and %d with %s", ups, downs, got, up, lost, ready)
			}
		}
	}
	told(`{"status":"ok"} 200`, 2, 0)
	one.kill(t)
	told(`{"status":"ok"} 200`, 1, 1)
	two.kill(t)
	told(`{"status":"unready"} 503`, 0, 2)
	asked := admin.Client{Address: at}
	status, err := asked.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Servers) != 2 || status.Servers[0].Up || status.Servers[1].Error == "" || !strings.Contains(status.Reason, "no server can be used") {
		t.Errorf("got %+v", status)
	}
}
