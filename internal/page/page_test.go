package page_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/page"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// full returns a page with everything on it, where text of others is name.
func full(name string) *page.Page {
	return &page.Page{
		Service: "serve", Version: "v1", Started: now.Add(-time.Hour), Now: now, Unready: name, Listeners: []string{"127.0.0.1:1080 (socks5)"},
		Commands: []page.Count{{Name: "connect", N: 2}, {Name: "bind", N: 0}, {Name: "udp", N: 1}}, Up: 2048, Down: 3 << 20,
		Chart:       page.Chart{Until: now, Span: 300 * time.Second, Points: []page.Point{{At: now.Add(-150 * time.Second), Up: 50, Down: 100}, {At: now}}},
		Certificate: &page.Certificate{Subject: name, NotAfter: now.Add(90 * 24 * time.Hour)},
		Servers:     []page.Server{{Name: name, Latency: 12 * time.Millisecond, Sessions: 3}, {Name: "b", Error: name}},
		Refusals:    []page.Count{{Name: "denied", N: 7}, {Name: name, N: 1}},
		Users:       []page.Share{{Name: name, Sessions: 2, Bytes: 1024}, {Name: ""}}, Destinations: []page.Share{{Name: name}},
		Sessions: []page.Session{{ID: 1, User: name, Client: name, Command: name, Destination: name, Rule: name, Up: 1, Down: 2, Rate: 3, Start: now.Add(-time.Minute)}},
		Total:    60,
	}
}

func draw(t *testing.T, p *page.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.New().Status(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStatus(t *testing.T) {
	text := draw(t, full("alice"))
	for _, want := range []string{
		"<title>socksctl serve: 60 sessions</title>", "not ready: alice", "v1, up 1h00m, at 03:04:05 UTC", "127.0.0.1:1080 (socks5)",
		"<strong>60</strong><small>2 connect, 0 bind, 1 udp</small>", "<strong>2.0 KiB/s</strong>", "<strong>3.0 MiB/s</strong>",
		`<strong>8</strong><small>since the start</small>`, `<li class="good"><h2>Certificate</h2><strong>90d00h</strong><small>alice, 2026-04-02</small>`,
		`<polyline class="down" points="300.0,0.0 600.0,120.0"/>`, `<polyline class="up" points="300.0,60.0 600.0,120.0"/>`, "the last 5 minutes",
		`<td>alice</td><td><span class="state good">up</span></td><td class="n">12 ms</td><td class="n">3</td>`, `<span class="state bad">down</span> alice`,
		`<td>denied</td><td class="n">7</td>`, `<td class="to">alice</td><td class="n">2</td><td class="n">1.0 KiB</td>`, `<td class="to">-</td>`,
		`<td class="n">3 B/s</td><td class="n">1m00s</td>`, "59 more run.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	empty := draw(t, &page.Page{Service: "forward", Now: now, Started: now, Chart: page.Chart{Until: now, Span: time.Minute}})
	for _, no := range []string{"Servers", "Certificate", "more run", "not ready"} {
		if strings.Contains(empty, no) {
			t.Errorf("an empty page has %s", no)
		}
	}
	if n := strings.Count(empty, `class="none">none`); n != 4 {
		t.Errorf("an empty page says %d times that there is nothing, want 4", n)
	}
}

// What a client names itself and where it goes is text on the page, whatever is in
// it: the elements and attributes are the same as with a harmless name.
func TestHostileNames(t *testing.T) {
	want := structure(t, draw(t, full("alice")))
	for _, name := range []string{
		`<script>alert(1)</script>`, `</td></table><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' onfocus='alert(1)`, "`${alert(1)}`",
		`javascript:alert(1)`, `</title><script>alert(1)</script>`, `<!--`, `]]>`, `&lt;script&gt;`, "a\x00b", "\u202e</b>", "\xff<svg/onload=alert(1)>",
		`{{.Version}}`, `<style>*{display:none}</style>`, `<base href=//evil.example>`,
	} {
		text := draw(t, full(name))
		if got := structure(t, text); got != want {
			t.Errorf("%q changes the page: %s", name, text)
		}
		for _, r := range "\u202e\x00\ufffd" {
			if strings.ContainsRune(text, r) {
				t.Errorf("%q comes through with %q", name, r)
			}
		}
	}
}

// structure returns the elements of a page and their attributes, without text.
func structure(t *testing.T, text string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var b strings.Builder
	for {
		token, err := d.Token()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		switch token := token.(type) {
		case xml.StartElement:
			fmt.Fprint(&b, "<", token.Name.Local, token.Attr)
		case xml.EndElement:
			fmt.Fprint(&b, "</", token.Name.Local)
		}
	}
}

// Nothing on a page is what its policy forbids: no script and no style in it, none
// of other places.
func TestNothingInline(t *testing.T) {
	var login bytes.Buffer
	if err := page.New().Login(&login, "<b>wrong</b>"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(login.String(), "&lt;b&gt;wrong") {
		t.Errorf("the login has no %s: %s", "reason", &login)
	}
	inline := regexp.MustCompile(`(?i)<style|\bstyle=|\son[a-z]+=|javascript:|<script>|https?://|src="//`)
	for name, text := range map[string]string{"status": draw(t, full("alice")), "login": login.String()} {
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %q", name, found)
		}
		for _, ref := range regexp.MustCompile(`(?:src|href)="/([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if text, kind, err := page.Asset(ref[1]); err != nil || len(text) == 0 || kind == "" {
				t.Errorf("%s refers to %s: %d bytes of %q, %v", name, ref[1], len(text), kind, err)
			}
		}
	}
	for _, name := range append(page.Assets(), "../page.go", "status.html", "none") {
		_, kind, err := page.Asset(name)
		if known := strings.Contains(strings.Join(page.Assets(), " "), name); known != (err == nil && kind != "") {
			t.Errorf("%s: got %q, %v", name, kind, err)
		}
	}
}

func TestCertificate(t *testing.T) {
	const day = 24 * time.Hour
	for left, want := range map[time.Duration]string{
		-time.Second: "bad expired", 0: "bad expired", time.Minute: "soon 1m00s", 13 * day: "soon 13d00h", 15 * day: "good 15d00h",
	} {
		p := page.Page{Now: now, Certificate: &page.Certificate{NotAfter: now.Add(left)}}
		if got := p.Health() + " " + p.Left(); got != want {
			t.Errorf("%v: got %s, want %s", left, got, want)
		}
	}
}

func TestChart(t *testing.T) {
	c := page.Chart{Until: now, Span: 100 * time.Second, Points: []page.Point{
		{now.Add(-101 * time.Second), 7, 7}, {now.Add(-100 * time.Second), 0, 4}, {now.Add(-25 * time.Second), 1, 2}, {now, 8, 0}, {now.Add(time.Second), 1, 1},
	}}
	if got, want := c.Up(), "0.0,120.0 450.0,105.0 600.0,0.0"; got != want || c.Most() != 8 {
		t.Errorf("got %s up to %d, want %s up to 8", got, c.Most(), want)
	}
	if got, want := c.Down(), "0.0,60.0 450.0,90.0 600.0,120.0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	still := page.Chart{Until: now, Span: time.Second, Points: []page.Point{{At: now}}}
	if got := still.Up(); got != "600.0,120.0" {
		t.Errorf("without traffic: got %s", got)
	}
}
