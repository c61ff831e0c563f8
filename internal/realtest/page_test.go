//go:build linux

package realtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/files"
)

// paged is a server that lets everyone in, and shows a page about it.
type paged struct {
	*process
	proxy, page string
}

func newPaged(t *testing.T, extra ...string) *paged {
	t.Helper()
	p := &paged{process: start(t, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--auth-command", program(t, "true", "coreutils"), "--admin", "127.0.0.1:0", "--drain-timeout", "1ms",
	}, extra...)...)}
	p.proxy = p.await(t, listening, 1)[0][1]
	p.page = "http://" + p.await(t, regexpOf(`msg=admin address=(\S+)\n`), 1)[0][1] + "/"
	return p
}

// open opens a tunnel of a user's.
func (p *paged) open(t *testing.T, user string, to echoes) live {
	t.Helper()
	s := tunnel(t, &client.Dialer{Address: p.proxy, User: user, Password: "any"}, to)
	t.Cleanup(func() { s.close() })
	return s
}

// hasText is true when the page shows a text.
func hasText(text string) string {
	return fmt.Sprintf("document.body.innerText.includes(%q)", text)
}

// The page in a browser: the login to it, that it is up to date by itself, that
// names are text, and that its policy is kept, and keeps.
func TestStatusPageInABrowser(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	put := func(text string) {
		t.Helper()
		if err := files.Replace(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("first token")
	to := newEchoes(t)
	p := newPaged(t, "--admin-token-file", token)
	p.open(t, "alice", to)
	evil := `<img src=x onerror="window.owned=1"><script>window.owned=1</script>`
	p.open(t, evil, to)
	b := newBrowser(t)

	b.visit(t, p.page)
	logIn := func(token string) {
		t.Helper()
		b.await(t, `document.querySelector("#token") !== null`)
		if _, err := b.evaluate(fmt.Sprintf(`document.querySelector("#token").value = %q; document.querySelector("form").requestSubmit(); true`, token)); err != nil {
			t.Fatal(err)
		}
	}
	logIn("another token")
	b.await(t, hasText("That is not the token."))
	logIn("first token")
	b.await(t, `location.pathname === "/" && `+hasText("alice"))
	b.is(t, `!location.href.includes("token") && document.cookie === ""`)

	b.await(t, hasText(evil))
	b.is(t, `window.owned === undefined && document.querySelector("main img, main script, main style") === null`)
	b.is(t, `getComputedStyle(document.querySelector(".tiles")).display === "grid"`) // its style is there
	if _, err := b.evaluate("window.mark = 1"); err != nil {
		t.Fatal(err)
	}
	bob := p.open(t, "bob", to)
	b.await(t, hasText("bob"))
	bob.close()
	b.await(t, "!"+hasText("bob"))
	b.is(t, "window.mark === 1") // and it was not loaded again
	for _, size := range []struct{ width, height int }{{1280, 1000}, {390, 844}} {
		for scheme, paper := range map[string]string{"light": "rgb(246, 247, 249)", "dark": "rgb(20, 23, 27)"} {
			b.look(t, size.width, size.height, scheme)
			b.is(t, fmt.Sprintf(`getComputedStyle(document.body).backgroundColor === %q`, paper))
			b.is(t, "document.documentElement.scrollWidth <= innerWidth")
			b.is(t, `[...document.querySelectorAll("section")].every(s => s.scrollWidth <= s.clientWidth)`)
		}
	}
	if said := b.log(); len(said) != 0 {
		t.Errorf("the page logs %q", said)
	}
	if _, err := b.evaluate(`document.head.append(Object.assign(document.createElement("style"), {textContent: "x {}"})); true`); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(b.log(), "\n"); !strings.Contains(said, "Content Security Policy") {
		t.Errorf("a style in the page is no violation: the page logs %q", said)
	}
	put("second token")
	b.await(t, `document.querySelector("#token") !== null`)
}

// look gives the page a size and colours, and keeps a picture of it where
// SCREENSHOTS says.
func (b *browser) look(t *testing.T, width, height int, scheme string) {
	t.Helper()
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	var picture struct{ Data []byte }
	b.call(t, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &picture)
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d-%s.png", width, scheme)), picture.Data, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// When the service does not answer the page says so.
func TestStatusPageOfAServiceThatEnds(t *testing.T) {
	p := newPaged(t)
	b := newBrowser(t)
	b.visit(t, p.page)
	b.await(t, hasText("ready"))
	b.is(t, `document.querySelector("#lost").hidden`)
	p.stop(t)
	b.await(t, `!document.querySelector("#lost").hidden && `+hasText("socksctl serve"))
}
