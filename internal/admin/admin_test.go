package admin_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/server"
)

func TestHealth(t *testing.T) {
	s := new(reloads).server()
	for _, address := range []string{"127.0.0.1:0", socket(t)} {
		if status, body := ask(t, run(t, s, address), "GET /healthz", "Host: localhost"); status != 200 || !strings.Contains(body, `{"status":"ok"}`) {
			t.Errorf("%s: got %d %s", address, status, body)
		}
	}
}

// A change over an address takes the token; who reaches a unix socket owns it.
func TestReloadTakesTheToken(t *testing.T) {
	with := func(token string) func() string { return func() string { return token } }
	for name, c := range map[string]struct {
		token  func() string
		header []string
		unix   bool
		status int
	}{
		"right":            {with(token), []string{"Authorization: Bearer " + token}, false, 200},
		"wrong":            {with(token), []string{"Authorization: Bearer x"}, false, 401},
		"its beginning":    {with(token), []string{"Authorization: Bearer " + token[:9]}, false, 401},
		"another scheme":   {with(token), []string{"Authorization: Basic " + token}, false, 401},
		"missing":          {with(token), nil, false, 401},
		"empty":            {with(token), []string{"Authorization: Bearer "}, false, 401},
		"there is none":    {with(""), []string{"Authorization: Bearer "}, false, 403},
		"nor a func":       {nil, []string{"Authorization: Bearer "}, false, 403},
		"unix":             {with(token), nil, true, 200},
		"unix, any token":  {nil, []string{"Authorization: Bearer x"}, true, 200},
		"unix, by a page":  {nil, []string{"Origin: http://localhost"}, true, 403},
		"by a page":        {with(token), []string{"Authorization: Bearer " + token, "Origin: http://127.0.0.1"}, false, 403},
		"by a local page":  {with(token), []string{"Authorization: Bearer " + token, "Origin: null"}, false, 403},
		"a body, too long": {with(token), []string{"Authorization: Bearer " + token, "Content-Length: 99999999"}, false, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var counted reloads
			s := counted.server()
			s.Token = c.token
			address := "127.0.0.1:0"
			if c.unix {
				address = socket(t)
			}
			status, body := ask(t, run(t, s, address), "POST /api/v1/reload", append(c.header, "Host: localhost")...)
			if status != c.status || (counted.n == 1) != (status == 200) {
				t.Errorf("got %d %s after %d reloads, want %d", status, body, counted.n, c.status)
			}
			if strings.Contains(body, token) {
				t.Errorf("the answer has the token: %s", body)
			}
		})
	}
}

// Names that others made to lead here are refused, for reads as well.
func TestHost(t *testing.T) {
	s := new(reloads).server()
	s.Hosts = []string{"proxy.example.com"}
	v4, unix := run(t, s, "127.0.0.1:0"), run(t, s, socket(t))
	_, port, err := net.SplitHostPort(v4.String())
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:" + port: 200, "localhost:80": 200, v4.String(): 200, "127.0.0.1": 200,
		"proxy.example.com": 200, "Proxy.Example.com:" + port: 200, "[::ffff:127.0.0.1]:" + port: 200,
		"evil.example.com": 403, "evil.example.com:" + port: 403, "127.0.0.2": 403, "[::1]:" + port: 403, "0.0.0.0": 403,
		"localhost.evil.example.com": 403, "127.0.0.1.evil.example.com": 403, "127.1": 403, "": 403,
	} {
		if status, body := ask(t, v4, "GET /healthz", "Host: "+host); status != want {
			t.Errorf("%q: got %d %s, want %d", host, status, body, want)
		}
	}
	// A page reaches a unix socket through a tunnel to it, as ssh makes them.
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9090": 200, "127.0.0.1:9090": 200, "[::1]:9090": 200, "x": 200, "": 200,
		"evil.example.com": 403, "evil.example.com:9090": 403, "localhost.evil.example.com": 403, "192.0.2.1": 403, "127.0.0.1.evil.example.com": 403,
	} {
		if status, _ := ask(t, unix, "GET /healthz", "Host: "+host); status != want {
			t.Errorf("on a unix socket, %q: got %d, want %d", host, status, want)
		}
	}
}

func TestBeyondLoopback(t *testing.T) {
	l, err := server.Listen(t.Context(), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	s := new(reloads).server()
	if err := s.Serve(l); !errors.Is(err, admin.ErrNoToken) {
		t.Errorf("got %v, want %v", err, admin.ErrNoToken)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v: the listener is open", err)
	}
	s.Token = func() string { return token }
	at := run(t, s, "0.0.0.0:0")
	_, port, _ := net.SplitHostPort(at.String())
	here, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, here, "GET /healthz", "Host: 127.0.0.1:"+port); status != 200 { // where the client came to
		t.Errorf("got %d %s, want 200", status, body)
	}
}

func TestClient(t *testing.T) {
	good := admin.Result{Reloaded: []string{"rules"}, Ended: 2}
	bad := admin.Result{Reloaded: []string{"users"}, Ended: 1, Restart: []string{"server.listen"}, Error: "rules.toml: line 2: no"}
	for name, c := range map[string]struct {
		token   string
		unix    bool
		err     error
		want    admin.Result
		refused int
	}{
		"unix":        {"", true, nil, good, 0},
		"address":     {token, false, nil, good, 0},
		"wrong token": {"x", false, nil, admin.Result{}, 401},
		"bad file":    {"", true, errors.New(bad.Error), bad, 422},
	} {
		t.Run(name, func(t *testing.T) {
			s := &admin.Server{
				Token: func() string { return token },
				Reload: func(context.Context) (admin.Result, error) {
					if c.err != nil {
						return admin.Result{Reloaded: bad.Reloaded, Ended: bad.Ended, Restart: bad.Restart}, c.err
					}
					return good, nil
				},
			}
			client := admin.Client{Token: c.token}
			if c.unix {
				client.Address = socket(t)
				run(t, s, client.Address)
			} else {
				client.Address = run(t, s, "127.0.0.1:0").String()
			}
			got, err := client.Reload(t.Context())
			refused, _ := errors.AsType[*admin.Refused](err)
			if status := statusOf(refused); status != c.refused || status == 0 && err != nil {
				t.Errorf("got %v (status %d), want status %d", err, status, c.refused)
			}
			if c.err != nil && refused.Text != c.err.Error() {
				t.Errorf("got %q, want %q", refused.Text, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" && c.refused != 401 {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func statusOf(refused *admin.Refused) int {
	if refused == nil {
		return 0
	}
	return refused.Status
}

// What answers, and is none of ours, is told apart.
func TestClientOfAnother(t *testing.T) {
	l, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with the client's connection
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Read(make([]byte, 1000))
		c.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"))
	}()
	_, err = (&admin.Client{Address: l.Addr().String()}).Reload(t.Context())
	l.Close()
	<-done
	if refused, _ := errors.AsType[*admin.Refused](err); statusOf(refused) != 404 || !strings.Contains(err.Error(), "does not answer as a socksctl does") {
		t.Errorf("got %v", err)
	}
	if _, err := (&admin.Client{Address: l.Addr().String()}).Reload(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("nobody there: got %v, want an error that names the address", err)
	}
}
