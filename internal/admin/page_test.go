package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// paged returns a server with a page about some sessions.
func paged(sessions ...*server.Session) *admin.Server {
	table := live.NewTable()
	for _, s := range sessions {
		table.Opened(s)
	}
	return &admin.Server{Live: table, Token: func() string { return token }, Status: func() admin.Status {
		return admin.Status{
			Service: admin.Serve, Version: "v9", Started: time.Now(), Sessions: map[string]int{"connect": len(sessions)},
			Listeners:   []admin.Listener{{Address: "127.0.0.1:1", Protocol: "socks5"}},
			Servers:     []admin.Upstream{{Server: "a.example:1443", Up: true, Latency: 0.25}, {Server: "b.example:1443"}},
			Certificate: &admin.Certificate{Subject: "CN=x", NotAfter: time.Now().Add(time.Hour)},
		}
	}}
}

// browser is a client with cookies, that follows redirects.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: proxytest.Patience}
}

// get has a browser get a page, or send a form to it.
func get(t *testing.T, b *http.Client, at string, form url.Values) (*http.Response, string) {
	t.Helper()
	ask := func() (*http.Response, error) { return b.Get(at) }
	if form != nil {
		ask = func() (*http.Response, error) { return b.PostForm(at, form) }
	}
	r, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(text)
}

// The page has what is known of the service, and comes with a policy that lets
// nothing else in.
func TestPage(t *testing.T) {
	hostile := made(3, "<b>bob</b>", `"><script>alert(1)</script>`)
	s := paged(made(1, "alice", "example.com"), made(2, "alice", "example.org"), hostile)
	s.Token = nil
	refused := made(4, "", "example.net")
	s.Live.Closed(refused)
	at := "http://" + run(t, s, "127.0.0.1:0").String()
	b := browser(t)
	r, text := get(t, b, at, nil)
	for _, want := range []string{
		"socksctl serve", "v9", "127.0.0.1:1 (socks5)", "3 connect, 0 bind, 0 udp", "a.example:1443", "250 ms", "no answer", "CN=x",
		`<td class="to">alice</td><td class="n">2</td>`, "example.org:443", "&lt;b&gt;bob&lt;/b&gt;", "&lt;script&gt;alert(1)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(text, "<script>") || strings.Contains(text, "<b>") {
		t.Errorf("a name is markup: %s", text)
	}
	if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d, %v", r.StatusCode, r.Header)
	}
	for _, path := range []string{"/", "/status.css", "/status.js", "/icon.svg"} {
		r, text := get(t, b, at+path, nil)
		policy := r.Header.Get("Content-Security-Policy")
		if r.StatusCode != http.StatusOK || text == "" || !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %d, %v", path, r.StatusCode, r.Header)
		}
	}
	for _, path := range []string{"/status.html", "/x", "/files/status.css"} {
		if r, _ := get(t, b, at+path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, r.StatusCode)
		}
	}
}

// Over an address a browser gives the token once, in a form, and sees the page and
// nothing else for it.
func TestPageLogin(t *testing.T) {
	var current atomic.Value
	current.Store(token)
	s := paged(made(1, "alice", "example.com"))
	s.Token = func() string { return current.Load().(string) }
	at := "http://" + run(t, s, "127.0.0.1:0").String()
	b := browser(t)
	want := func(what string, r *http.Response, text string, status int, has string) {
		t.Helper()
		if r.StatusCode != status || !strings.Contains(text, has) || strings.Contains(text, "alice") != (status == 200) {
			t.Errorf("%s: got %d %s, want %d and %s", what, r.StatusCode, text, status, has)
		}
	}
	show := func(what string, status int, has string) {
		t.Helper()
		r, text := get(t, b, at, nil)
		want(what, r, text, status, has)
	}
	show("at first", 401, `<form method="post" action="/login">`)
	for _, wrong := range []string{"", "x", token[:9], token + "x"} {
		r, text := get(t, b, at+"/login", url.Values{"token": {wrong}})
		want("wrong token", r, text, 401, "That is not the token.")
	}
	r, text := get(t, b, at+"/login?token="+url.QueryEscape(token), url.Values{"other": {"x"}})
	want("token in the URL", r, text, 401, "That is not the token.")
	show("after that", 401, "<form")

	r, text = get(t, b, at+"/login", url.Values{"token": {token}})
	want("right token", r, text, 200, "socksctl serve")
	if r.Request.URL.String() != at+"/" {
		t.Errorf("it is at %s", r.Request.URL)
	}
	show("again", 200, "socksctl serve")
	for _, path := range []string{"/api/v1/sessions", "/api/v1/sessions/follow", "/api/v1/status"} {
		if r, _ := get(t, b, at+path, nil); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401: the cookie is for the page", path, r.StatusCode)
		}
	}
	for _, path := range []string{"/api/v1/sessions/1/kill", "/api/v1/sessions/kill?all=true", "/api/v1/reload"} {
		if r, _ := get(t, b, at+path, url.Values{}); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401: the cookie changes nothing", path, r.StatusCode)
		}
	}
	current.Store("another token")
	show("with another token", 401, "<form")
	current.Store(token)
	show("with the old one", 200, "socksctl serve")
}

// A cookie is what no script reads and no other site has sent; and one that is
// made up is none.
func TestPageCookie(t *testing.T) {
	at := run(t, paged(made(1, "alice", "example.com")), "127.0.0.1:0")
	port := at.(*net.TCPAddr).Port
	c := send(t, at, "POST /login", "Host: localhost", "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf("Content-Length: %d", len("token=")+len(token)))
	if _, err := io.WriteString(c, "token="+strings.ReplaceAll(token, " ", "+")); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	_, cookie, _ := strings.Cut(string(answer), "Set-Cookie: ")
	cookie, _, _ = strings.Cut(cookie, "\r\n")
	name, value, _ := strings.Cut(strings.Split(cookie, ";")[0], "=")
	if want := fmt.Sprintf("socksctl_%d", port); name != want || !strings.HasSuffix(cookie, "; Path=/; HttpOnly; SameSite=Strict") || strings.Contains(cookie, token) {
		t.Errorf("got the cookie %s, want %s", cookie, want)
	}
	until, proof, _ := strings.Cut(value, ".")
	for other, want := range map[string]int{
		value: 200, "": 401, ".": 401, until: 401, until + ".": 401, "x." + proof: 401, "9" + until + "." + proof: 401, value[:len(value)-1]: 401, value + "x": 401,
		token: 401, "0." + proof: 401,
	} {
		if status, _ := ask(t, at, "GET /", "Host: localhost", "Cookie: "+name+"="+other); status != want {
			t.Errorf("%s: got %d, want %d", other, status, want)
		}
	}
	another := run(t, paged(), "127.0.0.1:0")
	if status, _ := ask(t, another, "GET /", "Host: localhost", fmt.Sprintf("Cookie: socksctl_%d=%s", another.(*net.TCPAddr).Port, value)); status != 401 {
		t.Errorf("at another service: got %d, want 401", status)
	}
}

// The login is for its own page: no other site sends its form.
func TestPageLoginOfOthers(t *testing.T) {
	at := run(t, paged(), "127.0.0.1:0")
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"same origin":     {"Origin: http://localhost", 401},
		"no browser":      {"Accept: */*", 401},
		"same site":       {"Sec-Fetch-Site: same-site", 403},
		"another site":    {"Sec-Fetch-Site: cross-site", 403},
		"another origin":  {"Origin: http://evil.example.com", 403},
		"another port":    {"Origin: http://localhost:8000", 403},
		"of nowhere":      {"Origin: null", 403},
		"this page's own": {"Sec-Fetch-Site: same-origin", 401},
	} {
		if status, body := ask(t, at, "POST /login", "Host: localhost", "Content-Length: 0", c.header); status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, status, body, c.status)
		}
	}
	if status, _ := ask(t, at, "GET /login", "Host: localhost"); status != 405 {
		t.Errorf("got %d, want 405", status)
	}
	if status, _ := ask(t, at, "GET /", "Host: evil.example.com"); status != 403 {
		t.Errorf("for another host: got %d, want 403", status)
	}
}

// On a unix socket there is no login, and without a page there is none either.
func TestPageElsewhere(t *testing.T) {
	if status, body := ask(t, run(t, paged(), socket(t)), "GET /", "Host: localhost"); status != 200 || !strings.Contains(body, "socksctl serve") {
		t.Errorf("got %d %s", status, body)
	}
	bare := run(t, &admin.Server{Token: func() string { return token }}, "127.0.0.1:0")
	if status, body := ask(t, bare, "GET /", "Host: localhost"); status != 401 || strings.Contains(body, "<form") {
		t.Errorf("without a page: got %d %s, want 401", status, body)
	}
	if status, _ := ask(t, bare, "POST /login", "Host: localhost", "Content-Length: 0"); status != 401 {
		t.Errorf("without a page: got %d, want 401", status)
	}
	with := run(t, paged(), "127.0.0.1:0")
	if status, _ := ask(t, with, "GET /", "Host: localhost", "Authorization: Bearer "+token); status != 200 {
		t.Errorf("with the token: got %d, want 200", status)
	}
	if status, body := ask(t, with, "GET /", "Host: localhost", "Authorization: Bearer x"); status != 401 || strings.Contains(body, "<form") {
		t.Errorf("with another token: got %d %s, want 401 and no form", status, body)
	}
}

// The cookie is good for twelve hours.
func TestPageLoginEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := paged(), make(pipes)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		var cookie *http.Cookie
		exchange := func(request string) *http.Response {
			t.Helper()
			near, far := net.Pipe()
			defer near.Close()
			l <- far
			r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
			if request != "" {
				r, err = http.NewRequest(http.MethodPost, "http://localhost/login", strings.NewReader("token="+url.QueryEscape(token)))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }, DisableKeepAlives: true}
			if cookie != nil {
				r.AddCookie(cookie)
			}
			answer, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			return answer
		}
		cookie = exchange("login").Cookies()[0]
		for _, c := range []struct {
			wait   time.Duration
			status int
		}{{0, 200}, {12*time.Hour - time.Minute, 200}, {2 * time.Minute, 401}} {
			time.Sleep(c.wait)
			if r := exchange(""); r.StatusCode != c.status {
				t.Errorf("after another %v: got %d, want %d", c.wait, r.StatusCode, c.status)
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// What it takes to draw the page of many sessions.
func BenchmarkPage10000(b *testing.B) {
	var all []*server.Session
	for id := range uint64(10000) {
		all = append(all, made(id+1, fmt.Sprint("user", id%100), fmt.Sprint("host", id%1000, ".example.com")))
	}
	at := run(b, paged(all...), socket(b))
	b.ReportAllocs()
	for b.Loop() {
		if status, body := ask(b, at, "GET /", "Host: localhost"); status != 200 || !strings.Contains(body, "9950 more run") {
			b.Fatal(status, body)
		}
	}
}
