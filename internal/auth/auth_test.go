package auth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/files"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bcryptOf(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func userFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newPassword(t *testing.T, file string) *auth.Password {
	t.Helper()
	p, err := auth.NewPassword(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// login tells whether a login is let in, and that a refusal is marked as one.
func login(t *testing.T, p server.Authenticator, name, password string) bool {
	t.Helper()
	id, err := p.Authenticate(t.Context(), &server.Session{}, server.Login{Name: name, Password: password})
	if err != nil {
		if !errors.Is(err, server.ErrLogin) || id.User != "" {
			t.Errorf("%q: got %v, %v, want a server.ErrLogin", name, id, err)
		}
		if len(password) > 2 && strings.Contains(err.Error(), password) {
			t.Errorf("%q: the password is in %q", name, err)
		}
		return false
	}
	if want := (server.Identity{User: name, Method: "password"}); !cmp.Equal(id, want) {
		t.Errorf("got %v, want %v", id, want)
	}
	return true
}

// The hashes of "secret" were made with openssl passwd -apr1, -5 and -6, and
// with the argon2 and mkpasswd commands.
func TestPasswordFormats(t *testing.T) {
	p := newPassword(t, userFile(t, strings.Join([]string{
		"# users", "",
		"bcrypt:" + bcryptOf(t, "secret"),
		"bcrypt-y:" + strings.Replace(bcryptOf(t, "secret"), "$2a$", "$2y$", 1) + "\r",

		"argon:$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$Wg9nrlI1wIF/dEqE4nMyiXXBJHFgCIKqjy0AFlwnDoU",
		"apr1:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
		"sha256:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
		"sha512:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
		"rounds:$6$rounds=1500$abcdefgh$syvtMLFsWsXCpuRPQUwd44b7UM3XmyR5rUqBGVm3nds8aNPU1AsM0TlMXHji8q4Hr8QD7qQ76ry1zJ/Yl5jw.1", "",
	}, "\n")))
	if p.Len() != 7 {
		t.Errorf("got %d users, want 7", p.Len())
	}
	for _, name := range []string{"bcrypt", "bcrypt-y", "argon", "apr1", "sha256", "sha512", "rounds"} {
		for password, want := range map[string]bool{"secret": true, "Secret": false, "secret\x00": false, "secret ": false, "": false} {
			if got := login(t, p, name, password); got != want {
				t.Errorf("%s with %q: got %v, want %v", name, password, got, want)
			}
		}
	}
	if p.Method(&server.Session{}) != 2 {
		t.Error("method is not 02")
	}
	for _, name := range []string{"nobody", "", "bcrypt\x00", "Bcrypt", "# users"} {
		if login(t, p, name, "secret") {
			t.Errorf("%q is let in", name)
		}
	}
}

// conformance 15
func TestPasswordBytes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	long := strings.Repeat("\xff\x00", 127) + "x"
	for name, password := range map[string]string{long: long, "a\x00b": "\x00", " ": " ", "\xc3": "\xa9"} {
		if err := auth.Add(file, name, password); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		p := newPassword(t, file)
		if !login(t, p, name, password) {
			t.Errorf("%q is not let in", name)
		}
		if login(t, p, name, password+"\x00") || login(t, p, name+"\x00", password) || login(t, p, name, password[:len(password)-1]) {
			t.Errorf("%q is let in with what is not its password", name)
		}
	}
}

// conformance 15: bcrypt ignores what follows a NUL or the 72nd byte.
func TestPasswordBcryptEnd(t *testing.T) {
	full := strings.Repeat("a", 72)
	p := newPassword(t, userFile(t, "full:"+bcryptOf(t, full)+"\nshort:"+bcryptOf(t, "secret")+"\n"))
	if !login(t, p, "full", full) {
		t.Error("72 bytes are not let in")
	}
	if login(t, p, "full", full+"b") || login(t, p, "short", "secret\x00x") {
		t.Error("let in with more than bcrypt looks at")
	}
}

func TestPasswordRefusesFile(t *testing.T) {
	tests := map[string]string{
		"plain":            "eve:hunter2",
		"no colon":         "hunter2",
		"unsalted SHA-1":   "eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
		"no name":          ":$apr1$hunter2$",
		"long name":        strings.Repeat("n", 256) + ":x",
		"damaged bcrypt":   "eve:$2a$10$hunter2",
		"2x":               "eve:$2x$04$" + strings.Repeat("a", 53),
		"dear bcrypt":      "eve:$2a$31$" + strings.Repeat("a", 53),
		"damaged apr1":     "eve:$apr1$hunter2",
		"damaged crypt":    "eve:$6$hunter2$x",
		"crypt, no number": "eve:$6$rounds=x$hunter2$" + strings.Repeat("a", 86),
		"dear crypt":       "eve:$6$rounds=999999999$hunter2$" + strings.Repeat("a", 86),
		"argon memory":     "eve:$argon2id$v=19$m=4194304,t=1,p=1$aHVudGVyMmh1bnRlcjI$aHVudGVyMmh1bnRlcjI",
		"argon time":       "eve:$argon2id$v=19$m=64,t=99999999,p=1$aHVudGVyMmh1bnRlcjI$aHVudGVyMmh1bnRlcjI",
		"argon threads":    "eve:$argon2id$v=19$m=65536,t=1,p=256$aHVudGVyMmh1bnRlcjI$aHVudGVyMmh1bnRlcjI",
		"argon short":      "eve:$argon2id$v=19$m=64,t=1,p=1$aHVudGVyMg$aHVudGVyMg",
		"argon2i":          "eve:$argon2i$v=19$m=64,t=1,p=1$aHVudGVyMmh1bnRlcjI$aHVudGVyMmh1bnRlcjI",
	}
	for name, line := range tests {
		t.Run(name, func(t *testing.T) {
			file := userFile(t, "# comment\n"+line+"\n")
			_, err := auth.NewPassword(file, nil)
			if err == nil {
				t.Fatal("got no error")
			}
			if !strings.Contains(err.Error(), file+":2: ") {
				t.Errorf("got %q, want file and line", err)
			}
			for _, secret := range []string{"hunter2", "aHVudGVyMm", "5en6G6", strings.Repeat("a", 53)} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		line := "eve:" + bcryptOf(t, "x") + "\n"
		if _, err := auth.NewPassword(userFile(t, line+line), nil); err == nil || !strings.Contains(err.Error(), ":2: ") {
			t.Errorf("got %v, want an error in line 2", err)
		}
	})
}

func TestPasswordReload(t *testing.T) {
	file := userFile(t, "alice:"+bcryptOf(t, "one")+"\n")
	p := newPassword(t, file)
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !login(t, p, "alice", "one") {
		t.Fatal("alice is not let in")
	}
	write("alice:nonsense\n")
	if err := p.Reload(); err == nil {
		t.Error("a bad file is no error")
	}
	if !login(t, p, "alice", "one") {
		t.Error("a bad file threw alice out")
	}
	write("alice:" + bcryptOf(t, "two") + "\n")
	if err := p.Reload(); err != nil {
		t.Fatal(err)
	}
	if login(t, p, "alice", "one") {
		t.Error("the old password is remembered after a reload")
	}
	if !login(t, p, "alice", "two") {
		t.Error("the new password is wrong")
	}
	if os.Remove(file); !errors.Is(p.Reload(), fs.ErrNotExist) || p.Len() != 1 {
		t.Error("a missing file is no error, or empties the table")
	}
}

func TestPasswordWarnsOfMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes keep nobody out there: of access lists is files.TestExposed")
	}
	file := userFile(t, "alice:"+bcryptOf(t, "one")+"\n")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o660: true, 0o604: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		if _, err := auth.NewPassword(file, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), file); got != want {
			t.Errorf("mode %o: got warning %v (%q), want %v", mode, got, log.String(), want)
		}
	}
}

func TestPasswordConcurrent(t *testing.T) {
	users := "alice:" + bcryptOf(t, "one") + "\nbob:" + bcryptOf(t, "two") + "\n"
	file := userFile(t, users)
	p := newPassword(t, file)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if !login(t, p, "alice", "one") || login(t, p, "alice", "two") || !login(t, p, "bob", "two") || login(t, p, "eve", "one") {
				t.Error("a login went wrong")
			}
		})
		wg.Go(func() {
			changed := fmt.Sprintf("# %d\n%s", i, users)
			if err := errors.Join(files.Replace(file, []byte(changed), 0o600), p.Reload()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestEdit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(auth.Add(file, "alice", "one"))
	must(os.WriteFile(file, append([]byte("# kept\n"), read(t, file)...), 0o644))
	must(auth.Add(file, "bob", "two"))
	must(auth.SetPassword(file, "alice", "three"))
	if err := auth.Add(file, "bob", "x"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if err := auth.SetPassword(file, "eve", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	for _, name := range []string{"", "a:b", "a\nb", "#a", strings.Repeat("n", 256)} {
		if auth.Add(file, name, "x") == nil {
			t.Errorf("name %q is taken", name)
		}
	}
	for _, password := range []string{"", strings.Repeat("p", 256)} {
		if auth.Add(file, "eve", password) == nil {
			t.Errorf("a password of %d bytes is taken", len(password))
		}
	}
	users, err := auth.List(file)
	must(err)
	const kind = "argon2id m=19456,t=2,p=1"
	if diff := cmp.Diff([]auth.User{{Name: "alice", Hash: kind}, {Name: "bob", Hash: kind}}, users); diff != "" {
		t.Error(diff)
	}
	for password, want := range map[string]bool{"three": true, "one": false} {
		if got, err := auth.Verify(file, "alice", password); got != want || err != nil {
			t.Errorf("alice with %q: got %v, %v, want %v", password, got, err, want)
		}
	}
	before := read(t, file)
	must(auth.Remove(file, "alice"))
	if err := auth.Remove(file, "alice"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if after := string(read(t, file)); !strings.HasPrefix(after, "# kept\nbob:") || strings.Count(after, "\n") != 2 {
		t.Errorf("got %q, want the comment and bob", after)
	}
	if !bytes.Equal(read(t, file+"~"), before) {
		t.Error("the old file is not kept")
	}
	for _, f := range []string{file, file + "~"} {
		if err := files.Exposed(f); err != nil {
			t.Error(err)
		}
	}
}

// Of many edits at a time none is lost, and who reads meanwhile finds a whole file.
func TestEditConcurrent(t *testing.T) {
	const users = 12
	file := userFile(t, "")
	p := newPassword(t, file)
	var editing, reading sync.WaitGroup
	for i := range users {
		editing.Go(func() {
			name := fmt.Sprintf("user%02d", i)
			if err := errors.Join(auth.Add(file, name, "x"), auth.SetPassword(file, name, "y")); err != nil {
				t.Error(err)
			}
			if i%2 == 1 {
				if err := auth.Remove(file, name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	reading.Go(func() {
		for {
			if err := p.Reload(); err != nil {
				t.Errorf("while it is edited: %v", err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	editing.Wait()
	close(done)
	reading.Wait()
	if err := p.Reload(); err != nil || p.Len() != users/2 {
		t.Errorf("got %d users, %v, want %d", p.Len(), err, users/2)
	}
	for i := range users {
		if name := fmt.Sprintf("user%02d", i); p.Has(name) != (i%2 == 0) {
			t.Errorf("%s is there: %v", name, p.Has(name))
		}
	}
	if !login(t, p, "user00", "y") || login(t, p, "user02", "x") {
		t.Error("a new password was lost")
	}
}

func TestCertificateMutualTLS(t *testing.T) {
	ca, err := certs.NewCA("net", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Client("alice", certs.Options{Names: []string{"alice@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	with := func(chains ...[]*x509.Certificate) *server.Session {
		return &server.Session{TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{pair.Certificate}, VerifiedChains: chains}}
	}
	proven := with([]*x509.Certificate{pair.Certificate, ca.Certificate})
	for kind, want := range map[certs.IdentityKind]string{"": "alice", certs.IdentityCN: "alice", certs.IdentityEmail: "alice@example.org"} {
		c := auth.Certificate(kind)
		id, err := c.Authenticate(context.Background(), proven, server.Login{})
		if id.User != want || id.Method != "certificate" || err != nil || c.Method(proven) != 0 {
			t.Errorf("%q: got %v, %v, want %s", kind, id, err, want)
		}
	}
	if _, err := auth.Certificate(certs.IdentityURI).Authenticate(context.Background(), proven, server.Login{}); !errors.Is(err, server.ErrLogin) {
		t.Errorf("no URI: got %v, want server.ErrLogin", err)
	}
	for _, s := range []*server.Session{{}, with()} { // plain; shown and not verified
		c := auth.Certificate(certs.IdentityCN)
		if _, err := c.Authenticate(context.Background(), s, server.Login{}); c.Method(s) != 0xFF || !errors.Is(err, server.ErrLogin) {
			t.Errorf("got %v, want method FF and server.ErrLogin", err)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
