package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/server"
)

// gates returns every way to configure a server that the table has.
func gates() (all []gate) {
	for _, door := range []struct {
		listener string
		beside   []string
	}{
		{"plain", []string{"", "request", "require"}}, {"unix", []string{"", "request", "require"}},
		{"none", []string{"", "plain"}}, {"request", []string{"", "plain"}}, {"require", []string{"", "plain"}},
	} {
		for _, beside := range door.beside {
			for i := range 8 {
				s := gate{listener: door.listener, beside: beside, users: i&1 != 0, insecure: i&2 != 0, beyond: i&4 != 0}
				if s.listener == "unix" && s.beyond {
					continue
				}
				all = append(all, s.ruled()...)
			}
		}
	}
	return all
}

// ruled returns g under each rule file. Where it differs from another in the
// listeners alone some do: none, one that lets a user through, one that lets
// nobody, and without a login those that tell clients by their addresses. So it is
// with the race detector, for which all take a minute, and where a program
// verifies logins, which is started for each that is wrong.
func (g gate) ruled() (all []gate) {
	few := []string{"no rule", "allow alice", "block all"}
	for _, g.rule = range rules() {
		isFew := slices.Contains(few, g.rule.name)
		byAddress := g.beyond && !g.users && strings.Contains(g.rule.name, "from")
		if g.beside == "" && !g.beyond && !raceDetector || isFew || byAddress {
			all = append(all, g)
		}
		if byProgram := g; g.users && g.beside == "" && isFew && runtime.GOOS != "windows" {
			byProgram.program = true
			all = append(all, byProgram)
		}
	}
	return all
}

// visits returns every way to come to a server of s. Whoever shows a bad
// certificate offers all, and the right password.
func visits(s gate) (all []visit) {
	passwords, certificates := []string{"right", "wrong", "empty", "unknown"}, []string{""}
	if s.listener != "plain" && s.listener != "unix" {
		passwords, certificates = []string{"right", "wrong"}, []string{"", "good"}
		for _, bad := range []string{"foreign", "expired", "usage", "revoked"} {
			all = append(all, visit{"\x00\x02", "right", bad})
		}
	}
	for _, certificate := range certificates {
		for _, offered := range []string{"\x00", "\x02", "\x00\x02", "\x02\x00", "\x01", "\xff", ""} {
			if !strings.Contains(offered, "\x02") {
				all = append(all, visit{offered, "", certificate})
				continue
			}
			for _, password := range passwords {
				all = append(all, visit{offered, password, certificate})
			}
		}
	}
	return all
}

// config writes s as a configuration.
func (g *grounds) config(s gate) *config.Server {
	c := &config.Server{InsecureOpenProxy: s.insecure}
	switch {
	case s.program:
		c.AuthCommand = "sh '" + g.file("verify") + "'"
	case s.users:
		c.Users = g.file("users")
	}
	if s.rule.text != "" {
		c.ACL = g.file(s.rule.name)
	}
	for _, listener := range []string{s.listener, s.beside} {
		address := "127.0.0.1:0"
		if s.beyond && listener == s.listener {
			address = "0.0.0.0:0"
		}
		switch listener {
		case "":
		case "unix":
			c.Listen = append(c.Listen, fmt.Sprintf("unix:%s%d", g.file("s"), g.sockets.Add(1)))
		case "plain":
			c.Listen = append(c.Listen, address)
		default:
			c.TLS.Listen = []string{address}
			c.TLS.CertificatePath, c.TLS.PrivateKeyPath = g.file("server.crt"), g.file("server.key")
			c.TLS.ClientAuth = config.Auth(listener)
		}
	}
	if c.TLS.ClientAuth == "request" || c.TLS.ClientAuth == "require" {
		c.TLS.ClientCAPath, c.TLS.ClientCRLPath = g.file("ca.crt"), g.file("crl.pem")
	}
	return c
}

// table is the outcomes of all visits to all servers.
type table struct {
	*grounds
	t *testing.T

	mu       sync.Mutex
	cells    []cell
	outcomes map[string]outcome // by what String of a cell tells
}

// cell is one visit to one server.
type cell struct {
	gate
	visit
}

// String returns the cell as failures name it.
func (c cell) String() string { return c.gate.String() + ": " + c.visit.String() }

// TestAdmission comes to every server in every way. What becomes of a visit is
// what the model says, and each of the properties holds for what was seen.
func TestAdmission(t *testing.T) {
	tb := &table{grounds: newGrounds(t), t: t, outcomes: make(map[string]outcome)}
	var group errgroup.Group
	group.SetLimit(4)
	for _, s := range gates() {
		group.Go(func() error { tb.try(s); return nil })
	}
	_ = group.Wait() // failures are told to t
	pairs := 0
	for _, c := range tb.cells {
		tb.checkRequirements(c)
		pairs += tb.checkMonotony(c)
	}
	t.Logf("%d cells, %d refusals compared with what is looser", len(tb.cells), pairs)
}

// try starts a server and comes to it in every way.
func (tb *table) try(s gate) {
	v, err := newServe(tb.config(s), nil, slog.New(slog.DiscardHandler))
	if err == nil {
		err = v.check()
	}
	if err != nil {
		tb.refused(s, v, err)
		return
	}
	door := firstOf(v, s)
	w := newWatchtower()
	v.Outbound, v.Observer = w, w
	v.Limits.LoginFailures = -1 // here many fail
	var group errgroup.Group
	v.serve(streams{err: io.Discard}, &group)
	for _, visit := range visits(s) {
		tb.visit(s, visit, door.Addr(), w)
	}
	if err := v.Close(); err != nil {
		tb.t.Errorf("%v: close: %v", s, err)
	}
	if err := group.Wait(); err != nil {
		tb.t.Errorf("%v: serve: %v", s, err)
	}
	if extra := len(w.closed) + len(w.dials); extra > 0 {
		tb.t.Errorf("%v: %d records and dials that nobody made", s, extra)
	}
}

// refused notes that a server did not start. It has to say why with status 3, and
// name the listener that is to blame.
func (tb *table) refused(s gate, v *service, err error) {
	if v != nil {
		closeAll(slices.Concat(v.plain, v.secure))
	}
	tb.note(s, visit{}, outcome{end: noStart})
	if status(err) != exitConfiguration || !namesOpen(err) || !errors.Is(err, server.ErrOpenProxy) {
		tb.t.Errorf("%v: exit status %d and %v, want 3 and the listener beyond loopback", s, status(err), err)
	}
}

// namesOpen tells whether err begins with a listener for all addresses.
func namesOpen(err error) bool {
	return err != nil && (strings.HasPrefix(err.Error(), "[::]:") || strings.HasPrefix(err.Error(), "0.0.0.0:"))
}

// firstOf returns the listener that clients come to.
func firstOf(v *service, s gate) net.Listener {
	if s.listener == "plain" || s.listener == "unix" {
		return v.plain[0]
	}
	return v.secure[0]
}

// visit comes to the server once, and notes what is seen on both sides of it.
func (tb *table) visit(s gate, v visit, addr net.Addr, w *watchtower) {
	c, err := tb.dial(s, v, addr)
	if err != nil {
		tb.t.Errorf("%v, %v: %v", s, v, err)
		return
	}
	answer, err := v.talk(c)
	c.Close()
	var record *server.Session
	select {
	case record = <-w.closed:
	case <-time.After(scriptLimit):
		tb.t.Errorf("%v, %v: no record", s, v)
		return
	}
	got := outcome{end: ends(answer), user: record.Identity.User}
	if err != nil && answer == "" && record.Stage() == server.StageTLS {
		got.end = tlsRefused
	} else if err != nil {
		tb.t.Errorf("%v, %v: after % x: %v", s, v, answer, err)
	}
	tb.note(s, v, got)
	tb.checkDials(s, v, got, record, w)
}

// note compares what was seen with what the model says.
func (tb *table) note(s gate, v visit, got outcome) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.cells = append(tb.cells, cell{s, v})
	tb.outcomes[cell{s, v}.String()] = got
	if want := expected(s, v); got != want {
		tb.t.Errorf("%v: %v: got %+v, want %+v", s, v, got, want)
	}
}

// checkDials wants the outbound to be asked once where the client was told so,
// for the session of that client, and where there is a login only after one.
func (tb *table) checkDials(s gate, v visit, got outcome, record *server.Session, w *watchtower) {
	want := 0
	if got.end == dialled {
		want = 1
	}
	if len(w.dials) != want {
		tb.t.Errorf("%v: %v: %d dials, and the client was told %q", s, v, len(w.dials), got.end)
	}
	for len(w.dials) > 0 {
		if session := <-w.dials; session != record {
			tb.t.Errorf("%v: %v: dialled for a session that is not the client's", s, v)
		}
		method := record.Identity.Method
		if s.users && method != "password" && (s.listener != "request" || method != "certificate") {
			tb.t.Errorf("%v: %v: dialled by method %q without the login", s, v, method)
		}
	}
}

// checkRequirements wants each thing that is asked for to be there wherever
// there was a dial, whatever else is configured.
func (tb *table) checkRequirements(c cell) {
	got := tb.outcomes[c.String()]
	if got.end != dialled {
		return
	}
	byPassword := strings.Contains(c.offered, "\x02") && c.password == "right"
	byCertificate := c.certificate == "good"
	for _, need := range []struct {
		what   string
		asked  bool
		filled bool
	}{
		{"a login", c.users, byPassword || byCertificate && c.listener == "request" && strings.Contains(c.offered, "\x00")},
		{"a certificate", c.listener == "require", byCertificate},
		{"a certificate or a login", c.listener == "request" && !c.insecure, byCertificate || byPassword},
		{"a good certificate or none", c.listener == "request", byCertificate || c.certificate == ""},
		{"a method that was offered", true, strings.ContainsAny(c.offered, "\x00\x02")},
		{"a rule to allow it", strings.HasPrefix(c.rule.name, "block all"), false},
		{"a rule to allow alice", strings.HasSuffix(c.rule.name, "block alice"), got.user != "alice"},
		{"to be open", c.beyond, c.users || c.insecure || c.listener == "require" || c.rule.clients},
		{"a client that is known", strings.HasSuffix(c.rule.name, "from elsewhere"), false},
	} {
		if need.asked && !need.filled {
			tb.t.Errorf("%v: dialled without %s", c, need.what)
		}
	}
}

// checkMonotony wants what was refused to be refused still when the server has
// something beside that lets more through. It returns how often it looked.
func (tb *table) checkMonotony(c cell) (pairs int) {
	if end := tb.outcomes[c.String()].end; end == dialled || end == noStart {
		return 0
	}
	for _, looser := range c.looser() {
		got, seen := tb.outcomes[cell{looser, c.visit}.String()]
		if !seen { // not every rule is tried beside a second listener
			continue
		}
		pairs++
		if got.end == dialled || got.end == noStart {
			tb.t.Errorf("%v: refused, and with %v it is %s", c, looser, got.end)
		}
	}
	return pairs
}

// looser returns the configurations that have what g has and one thing more.
// To be told that it is to be open is left out where certificates are all that
// a server goes by: that is what it takes back.
func (g gate) looser() (all []gate) {
	more := g
	if more.insecure = true; g.users || g.listener != "request" {
		all = append(all, more)
	}
	if more = g; g.beside == "" && g.listener != "plain" && g.listener != "unix" {
		more.beside = "plain"
		all = append(all, more)
	}
	more = g
	for _, more.rule = range rules() {
		if more.rule.name == g.rule.name+", allow alice" || more.rule.name == "allow all, "+g.rule.name {
			all = append(all, more)
		}
	}
	return all
}
