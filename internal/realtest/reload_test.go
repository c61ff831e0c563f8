//go:build linux

package realtest_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

// change is something that a reload takes up.
type change struct {
	what string // as the log has it
	make func(*testing.T, *reloadable)
	took func(*testing.T, *reloadable, echoes) error
}

// changes is one of each kind. They are made in this order on one server.
func changes() []change {
	return []change{
		{"certificates", func(t *testing.T, r *reloadable) { r.issueServer(t) }, showsNewCertificate},
		{"certificates", func(t *testing.T, r *reloadable) { r.revoke(t, "alice") }, func(t *testing.T, r *reloadable, to echoes) error {
			return errors.Join(refusesTLS(r.dialer(t, byTLS, "alice"), to), reach(r.dialer(t, byTLS, "bob"), to))
		}},
		{"users", func(t *testing.T, r *reloadable) { r.password(t, "remove", "eve") }, func(t *testing.T, r *reloadable, to echoes) error {
			return errors.Join(refuses(r.dialer(t, byPassword, "eve"), to, client.ErrLogin), reach(r.dialer(t, byPassword, "bob"), to))
		}},
		{"rules", func(t *testing.T, r *reloadable) { r.put(t, "rules.toml", blockAlice) }, func(t *testing.T, r *reloadable, to echoes) error {
			return errors.Join(refuses(r.dialer(t, byPassword, "alice"), to, fs.ErrPermission), reach(r.dialer(t, byPassword, "bob"), to))
		}},
		{"limits", func(t *testing.T, r *reloadable) {
			r.put(t, "server.toml", "[server.limits]\nbind_timeout = \"1ms\"\n")
		}, func(t *testing.T, r *reloadable, _ echoes) error {
			return noPeerInTime(t, r.dialer(t, byPassword, "bob"))
		}},
		{"log level", func(t *testing.T, r *reloadable) {
			r.put(t, "server.toml", "[server.limits]\nbind_timeout = \"1ms\"\n[log]\nlevel = \"debug\"\n")
		}, func(*testing.T, *reloadable, echoes) error { return nil }},
	}
}

func reach(d *client.Dialer, to echoes) error {
	c, err := d.Dial("tcp", to.tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	return sendsBack(c)
}

func refuses(d *client.Dialer, to echoes, want error) error {
	if err := reach(d, to); !errors.Is(err, want) {
		return fmt.Errorf("%s was not refused: got %v, want %w", d.User, err, want)
	}
	return nil
}

func refusesTLS(d *client.Dialer, to echoes) error {
	var fault *client.ProxyError
	if err := reach(d, to); !errors.As(err, &fault) {
		return fmt.Errorf("got %w, want a ProxyError", err)
	}
	return nil
}

// showsNewCertificate holds the certificate of the server against its file.
func showsNewCertificate(_ *testing.T, r *reloadable, _ echoes) error {
	c, err := tls.Dial("tcp", r.tls, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer c.Close()
	want, err := certs.LoadCertificates(r.file("server.crt"))
	if got := c.ConnectionState().PeerCertificates[0]; err == nil && !got.Equal(want[0]) {
		return errors.New("it is not the certificate of the file")
	}
	return err
}

func noPeerInTime(t *testing.T, d *client.Dialer) error {
	d.BindTimeout = liveLimit
	l, err := d.Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := l.Accept()
	if err == nil {
		c.Close()
		return errors.New("a peer came")
	}
	if !errors.Is(err, syscall.ETIMEDOUT) {
		return fmt.Errorf("got %w, want the server's timeout", err)
	}
	return nil
}

// Each trigger by itself takes up each kind of file, and nobody who is still
// allowed notices.
func TestReloadTriggers(t *testing.T) {
	for _, by := range []string{bySignal, byFiles, byAdmin} {
		t.Run(by, func(t *testing.T) {
			to := newEchoes(t)
			r := newReloadable(t, by == byFiles)
			open := append(sessions(t, r.dialer(t, byPassword, "bob"), to), sessions(t, r.dialer(t, byTLS, "bob"), to)...)
			seen := make(map[string]int)
			for _, c := range changes() {
				c.make(t, r)
				said := r.trigger(t, by)
				seen[c.what]++
				r.await(t, regexpOf(fmt.Sprintf(`msg=reloaded by="?%s"? changed="?%s"? ended=0\n`, by, c.what)), seen[c.what])
				if want := "reloaded " + c.what + "; 0 sessions ended\n"; by == byAdmin && said.stdout != want {
					t.Errorf("%s: got %q, %v, want %q", c.what, said.stdout, said.err, want)
				}
				if err := c.took(t, r, to); err != nil {
					t.Errorf("%s: %v", c.what, err)
				}
			}
			for _, s := range open {
				if err := s.alive(); err != nil {
					t.Errorf("%s: %v", s.what, err)
				}
			}
			// A watch may see the new key beside the old certificate, and is right to complain.
			if by != byFiles && strings.Contains(r.said.String(), "level=ERROR") {
				t.Error("an error was logged")
			}
		})
	}
}

// A bad file of any kind leaves in force what was, and the log says where it is
// bad: once, however often something happens beside it.
func TestReloadKeepsWhatWasInForce(t *testing.T) {
	bad := []struct{ file, content, says string }{
		{"rules.toml", "[global]\ndefault_policy = \"perhaps\"\n", `rules.toml: line 2: global.default_policy: `},
		{"users", "# who\nalice:secret\n", `users:2: `},
		{"crl.pem", "nonsense", `CRL \S*crl.pem: `},
		{"server.crt", "nonsense", `server.crt: no certificate`},
		{"server.key", "nonsense", `server.key: no private key`},
		{"ca.crt", "nonsense", `ca.crt: no certificate`},
		{"server.toml", "[server.limits]\nbind_timeout = \"soon\"\n", `server.toml: line 2: server.limits.bind_timeout: `},
		{"server.toml", "[server]\nlitsen = []\n", `server.toml: line 2: unknown key server.litsen`},
	}
	for _, by := range []string{bySignal, byFiles, byAdmin} {
		t.Run(by, func(t *testing.T) {
			to := newEchoes(t)
			r := newReloadable(t, by == byFiles)
			open := append(sessions(t, r.dialer(t, byPassword, "alice"), to), sessions(t, r.dialer(t, byTLS, "alice"), to)...)
			for _, b := range bad {
				good, err := os.ReadFile(r.file(b.file))
				if err != nil {
					t.Fatal(err)
				}
				r.put(t, b.file, b.content)
				said := r.trigger(t, by)
				r.await(t, regexpOf(`level=ERROR msg="reload: kept what was in force" .*`+b.says), 1)
				if by == byAdmin && (exitStatus(said.err) != 3 || !regexpOf(`socksctl: .*`+b.says).MatchString(said.stderr)) {
					t.Errorf("%s: got status %d, %q", b.file, exitStatus(said.err), said.stderr)
				}
				for _, way := range []string{byPassword, byTLS} {
					if err := reach(r.dialer(t, way, "alice"), to); err != nil {
						t.Errorf("%s: by %s: %v", b.file, way, err)
					}
				}
				r.put(t, b.file, string(good))
			}
			for _, s := range open {
				if err := s.alive(); err != nil {
					t.Errorf("%s: %v", s.what, err)
				}
			}
			for _, secret := range []string{"nonsense", "secret"} {
				if strings.Contains(r.said.String(), secret) {
					t.Errorf("the log has what is in a file: %q", secret)
				}
			}
		})
	}
}

// What happens beside a file, or writes what it has anyway, is no reload; and a
// file that stays bad is told of once.
func TestReloadIsQuiet(t *testing.T) {
	to := newEchoes(t)
	r := newReloadable(t, true)
	before := r.said.String()
	r.put(t, "beside", "x")
	r.put(t, "rules.toml", allowAll)
	r.put(t, "users", "nonsense")
	kept := regexpOf(`kept what was in force" what=users`)
	r.await(t, kept, 1)
	r.put(t, "beside", "y")
	r.put(t, "rules.toml", allowAll+"# changed\n")
	reloaded := regexpOf(`msg=reloaded .*`)
	if got := r.await(t, reloaded, 1)[0][0]; got != `msg=reloaded by="file change" changed=rules ended=0` {
		t.Errorf("got %q", got)
	}
	if got := len(kept.FindAllString(r.said.String(), -1)); got != 1 {
		t.Errorf("the bad file was told of %d times, want once", got)
	}
	if said := strings.TrimPrefix(r.said.String(), before); strings.Count(said, "\n") != 2 {
		t.Errorf("want two lines, got %s", said)
	}
	if err := reach(r.dialer(t, byPassword, "alice"), to); err != nil {
		t.Error(err)
	}
}
