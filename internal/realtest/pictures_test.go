//go:build linux

package realtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// The pictures of the documents: what quickstart and top show in a terminal, and the
// status page in a browser. `make pictures` names the directory that they go to; else
// they are made, and thrown away.
func TestPictures(t *testing.T) {
	dir := os.Getenv("SOCKSCTL_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	t.Run("quickstart", func(t *testing.T) {
		x := newTerminal(t, 116, 40, "PATH="+filepath.Dir(socksctl(t))+":$PATH; clear; echo '$ socksctl quickstart --once'; socksctl quickstart --once")
		x.shows(t, "CONNECT", "UDP", "BIND", "status 0")
		x.draw(t, filepath.Join(dir, "quickstart.svg"), "socksctl quickstart: CONNECT, UDP and BIND go through")
	})
	t.Run("top", func(t *testing.T) {
		to := newEchoes(t)
		p := newPaged(t)
		for _, user := range []string{"alice", "bob", "carol"} {
			p.open(t, user, to)
		}
		datagrams := association(t, &client.Dialer{Address: p.proxy, User: "dave", Password: "any"}, to)
		t.Cleanup(func() { datagrams.close() })
		x := newTerminal(t, 120, 14, socksctl(t)+" top --interval 100ms --sort user --admin "+strings.Trim(strings.TrimPrefix(p.page, "http:"), "/"))
		x.shows(t, "alice", "bob", "carol", "dave", "connect", "udp")
		x.draw(t, filepath.Join(dir, "top.svg"), "socksctl top: four sessions")
	})
	t.Run("status page", func(t *testing.T) {
		to := newEchoes(t)
		p := newPaged(t)
		for _, user := range []string{"alice", "bob", "carol"} {
			p.open(t, user, to)
		}
		b := newBrowser(t)
		b.visit(t, p.page)
		b.await(t, hasText("alice")+" && "+hasText("carol"))
		b.photograph(t, filepath.Join(dir, "status.png"))
	})
}

// draw writes a picture of the screen.
func (x *terminal) draw(t *testing.T, path, title string) {
	t.Helper()
	screen := mustRun(t, x.command("capture-pane", "-p", "-e"))
	cmd := exec.Command("go", "run", ".", title)
	cmd.Dir = "../../tools/screens" // a module of its own

	before, _, _ := strings.Cut(screen, "status 0") // which the terminal prints after what ended
	cmd.Stdin = strings.NewReader(before)
	picture, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// photograph writes a picture of the page.
func (b *browser) photograph(t *testing.T, path string) {
	t.Helper()
	size := map[string]any{"width": 1000, "height": 720, "deviceScaleFactor": 1, "mobile": false}
	b.call(t, "Emulation.setDeviceMetricsOverride", size, nil)
	var shot struct {
		Data []byte `json:"data"`
	}
	b.call(t, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	if err := os.WriteFile(path, shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
	if len(shot.Data) < 10_000 || len(shot.Data) > 200_000 {
		t.Errorf("a picture of %d bytes", len(shot.Data))
	}
}
