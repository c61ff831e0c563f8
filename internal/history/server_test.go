package history_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// limit bounds every wait of a test for what should come at once.
const limit = 20 * time.Second

// byName proves whoever has the password "secret".
type byName struct{}

func (byName) Method(*server.Session) byte { return 2 }

func (byName) Authenticate(_ context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	if login.Password != "secret" {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: login.Name, Groups: []string{"staff"}, Method: "password"}, nil
}

// recorded serves with a history of its own until end is called, and returns a way
// to it for a user and password.
func recorded(t *testing.T, store history.Writer, o history.Options) (way func(user, password string) *client.Dialer, end func()) {
	t.Helper()
	recorder := history.Start(store, o)
	s := &server.Server{
		Auth: []server.Authenticator{byName{}}, Observer: recorder, Node: o.Node,
		Policy: server.PolicyFunc(func(_ context.Context, s *server.Session, at server.Target) error {
			s.SetRule("no. 1")
			if at.Host == "denied.test" {
				s.SetRule("no. 2")
				return server.ErrDenied
			}
			return nil
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }() // ends with end
	end = func() {
		if err := s.Shutdown(t.Context()); err != nil { // waits for what has hung up and is not over yet
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		recorder.Close()
	}
	return func(user, password string) *client.Dialer {
		return &client.Dialer{Address: l.Addr().String(), User: user, Password: password, Timeout: limit}
	}, end
}

// echoes returns the addresses of what sends back what it gets, by TCP and UDP.
func echoes(t *testing.T) (tcp, udp string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}, 2)
	go func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				done <- struct{}{}
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }() // ends with its client
		}
	}()
	go func() { // ends when pc is closed
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				done <- struct{}{}
				return
			}
			pc.WriteTo(b[:n], from)
		}
	}()
	t.Cleanup(func() { l.Close(); pc.Close(); <-done; <-done })
	return l.Addr().String(), pc.LocalAddr().String()
}

// talk has one of everything happen: a tunnel, an association, a wrong password, a
// request that the rules refuse, and one that nobody answers.
func talk(t *testing.T, way func(user, password string) *client.Dialer) {
	t.Helper()
	tcp, udp := echoes(t)
	tunnel, err := way("alice", "secret").DialContext(t.Context(), "tcp", tcp)
	if err != nil {
		t.Fatal(err)
	}
	tunnel.SetDeadline(time.Now().Add(limit))
	fmt.Fprint(tunnel, "hello")
	if _, err := io.ReadFull(tunnel, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	tunnel.Close()
	pc, err := way("alice", "secret").ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	pc.SetDeadline(time.Now().Add(limit))
	to, err := net.ResolveUDPAddr("udp", udp)
	if err != nil {
		t.Fatal(err)
	}
	pc.WriteTo([]byte("four"), to)
	if _, _, err := pc.ReadFrom(make([]byte, 99)); err != nil {
		t.Fatal(err)
	}
	pc.Close()
	for _, refused := range []struct{ password, to string }{{"wrong", tcp}, {"secret", "denied.test:80"}, {"secret", "127.0.0.1:1"}} {
		if c, err := way("bob", refused.password).DialContext(t.Context(), "tcp", refused.to); err == nil {
			c.Close()
			t.Errorf("%+v: got through", refused)
		}
	}
}

// told is what is to be seen of a record, in one line.
func told(r history.Record) string {
	_, port, _ := net.SplitHostPort(r.Client)
	line := fmt.Sprintf("%s %s %q %q %s %s %d up %d down %s", r.Status, r.Reason, r.User, r.Tried, r.Command, r.Host, r.Up, r.Down, r.Rule)
	if r.Node != "here" || port == "" || r.Listener == "" || r.End.Before(r.Start) || r.Active.Before(r.Start) {
		line += fmt.Sprintf(" %+v", r)
	}
	for _, target := range r.Targets {
		line += fmt.Sprintf(", %s %s %d up %d down %d+%d", target.Host, target.Address, target.Up, target.Down, target.DatagramsUp, target.DatagramsDown)
	}
	return line
}

// Everything that comes to a server is on record, and read back by a process that
// knows no more than the place.
func TestHistoryOfAServer(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		way, end := recorded(t, s, history.Options{Node: "here", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		talk(t, way)
		end()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		reader, err := p.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		var got []string
		for _, r := range all(t, reader, history.Filter{}) {
			got = append(got, told(r))
		}
		slices.Sort(got)
		want := []string{
			`closed failed "bob" "" connect 127.0.0.1 0 up 0 down no. 1`,
			`closed ok "alice" "" connect 127.0.0.1 5 up 5 down no. 1`,
			`closed ok "alice" "" udp  4 up 4 down no. 1,  127.0.0.1 4 up 4 down 1+1`,
			`refused denied "bob" "" connect denied.test 0 up 0 down no. 2`,
			`refused login "" "bob"   0 up 0 down `,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Of destinations no more is kept than was asked for, in no column of any table.
func TestHistoryKeepsDestinationsBack(t *testing.T) {
	for d, wanted := range map[history.Destinations][]string{
		history.HostDestinations: {"127.0.0.1", "127.0.0.1", "denied.test", "", ""},
		history.NoDestinations:   {"", "", "", "", ""},
	} {
		b := new(book)
		way, end := recorded(t, b, history.Options{Node: "here", Destinations: d})
		talk(t, way)
		end()
		var hosts []string
		for _, r := range b.rows {
			hosts = append(hosts, r.Host)
			if r.Port != 0 || r.Resolved.IsValid() || r.Error != "" {
				t.Errorf("%s: kept port %d, address %v, error %q", d, r.Port, r.Resolved, r.Error)
			}
			for _, target := range r.Targets {
				if d == history.NoDestinations || target.Port != 0 || target.Address.IsValid() || target.Host != "127.0.0.1" {
					t.Errorf("%s: kept %+v", d, target)
				}
			}
		}
		slices.Sort(hosts)
		slices.Sort(wanted)
		if diff := cmp.Diff(wanted, hosts); diff != "" {
			t.Errorf("%s: hosts (-want +got):\n%s", d, diff)
		}
	}
}

// A SQLite file is for its owner, and so is what stands beside it.
func TestFilesAreForTheirOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := place{history.AtFile(filepath.Join(dir, "history.db"))}.open(t, 1)
	store(t, s, full())
	checkModes(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkModes(t, dir)
}

func TestLocation(t *testing.T) {
	for raw, shown := range map[string]string{
		"off": "off", "sqlite:///var/lib/a%20b.db": "sqlite:///var/lib/a%20b.db",
		"sqlite:////var/lib/x.db":                    "sqlite:///var/lib/x.db", // as others want it
		"postgres://me:hunter2@db/x?sslmode=require": "postgres://me@db/x?sslmode=require",
		"postgresql://db/x?password=hunter2&user=me": "postgresql://db/x?user=me", "": "",
	} {
		l, err := history.Parse(raw)
		if err != nil || l.String() != shown || l.Decided() != (raw != "") || l.Off() != (raw == "off") || l.HasPassword() != (len(raw) > 30) {
			t.Errorf("%q: got %q, %v, decided %v, off %v, with a password %v", raw, l, err, l.Decided(), l.Off(), l.HasPassword())
		}
	}
	for _, raw := range []string{
		"sqlite://host/x", "sqlite:x", "sqlite:///", "sqlite:///x?mode=ro", "/var/lib/x", "mysql://me:hunter2@db", "postgres:hunter2", "postgres://me:hunter2@db:x/y", "OFF", "on",
	} {
		if l, err := history.Parse(raw); !errors.Is(err, history.ErrLocation) || err.Error() != history.ErrLocation.Error() {
			t.Errorf("%q: got %q, %v, want ErrLocation", raw, l, err)
		}
	}
}

func TestReadNeedsAStore(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		if s, err := p.Read(t.Context()); err == nil {
			s.Close()
			t.Fatal("read what is not there")
		}
		if history.HasTables(t, p.Location) {
			t.Error("tables were made by who only reads")
		}
		s := p.open(t, 1)
		if _, err := history.DB(s).Exec("INSERT INTO schema_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
			t.Fatal(err)
		}
		if reader, err := p.Read(t.Context()); err == nil {
			reader.Close()
			t.Error("read tables of a later version")
		}
	})
	if _, err := (history.Location{}).Open(); err == nil {
		t.Error("opened nowhere")
	}
}

// refusing is a Store that takes no record of a session that is over.
type refusing struct{ history.Store }

func (s refusing) Write(ctx context.Context, records []history.Record) error {
	for i := range records {
		if records[i].Status == history.Closed {
			return fmt.Errorf("%w: it is over", history.ErrRecord)
		}
	}
	return s.Store.Write(ctx, records)
}

// The row of a record that the store does not take is closed all the same.
func TestRecordThatIsNotTaken(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		way, end := recorded(t, refusing{s}, history.Options{Interval: 10 * time.Millisecond})
		to, _ := echoes(t)
		c, err := way("alice", "secret").DialContext(t.Context(), "tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(limit))
		for until := time.Now().Add(limit); len(all(t, s, history.Filter{Status: "open"})) == 0; {
			if time.Now().After(until) {
				t.Fatal("the session has no row")
			}
		}
		fmt.Fprint(c, "hello")
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		end()
		if got := all(t, s, history.Filter{}); len(got) != 1 || got[0].Status != history.Closed || got[0].Reason != "ok" || got[0].Up != 5 || got[0].Host != "127.0.0.1" {
			t.Errorf("got %+v", got)
		}
	})
}
