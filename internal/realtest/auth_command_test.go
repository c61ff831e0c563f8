//go:build linux

package realtest_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// verifier writes the script of that name, as docs/auth.md shows it, to a file
// that can be executed.
func verifier(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh /usr/local/lib/socksctl/" + name + "\n(.*?\n)```\n").FindSubmatch(text)
	if block == nil {
		t.Fatalf("docs/auth.md shows no script %s", name)
	}
	return executable(t, filepath.Join(t.TempDir(), name), string(block[1]))
}

func executable(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.Chmod(writeFile(t, path, text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// staff is a rule file by which only that group may go anywhere.
func staff(t *testing.T, group string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "rules.toml"), fmt.Sprintf(`[global]
default_policy = "block"
[[groups]]
name = %q
[[groups.rules]]
action = "allow"
destinations = ["localhost", "127.0.0.0/8", "::1"]
`, group))
}

// forwardAs starts a forwarder that logs in to s, beside its certificate.
func (s server) forwardAs(t *testing.T, name, password string) string {
	t.Helper()
	s.tls = strings.Replace(s.tls, "127.0.0.1", "localhost", 1)
	to := url.URL{Scheme: "socks5+tls", Host: s.tls, User: url.UserPassword(name, password)}
	args := append([]string{"forward", "--local", "127.0.0.1:0", "--server", to.String()}, certificates(t).client()...)
	return start(t, args...).await(t, listening, 1)[0][1]
}

// pair is a name and a password, and whether curl gets through with it.
type pair struct {
	name, password string
	ok             bool
}

// tryLogins has curl log in to a server whose logins command verifies: on its
// plain listener, and through a forwarder that logs in over mutual TLS. No program
// that is started for that may have a password in its arguments or environment.
func tryLogins(t *testing.T, command, group string, pairs []pair) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	command = program(t, "strace", "strace") + " -f -A -v -s 9999 -qq -e trace=execve -o " + trace + " " + command
	s := serve(t, "--auth-command", command, "--acl", staff(t, group))
	page := "http://localhost:" + newOrigin(t)
	for _, p := range pairs {
		t.Run(p.name+" "+p.password, func(t *testing.T) {
			try(t, p, page, s.plain, "--proxy-user", p.name+":"+p.password)
			try(t, p, page, s.forwardAs(t, p.name, p.password))
		})
	}
	log := s.said.String()
	if strings.Contains(log, "level=ERROR") {
		t.Errorf("the verifier failed: %s", log)
	}
	started, err := os.ReadFile(trace)
	if err != nil || !strings.Contains(string(started), "execve(") {
		t.Errorf("got %q, %v, want the programs that were started", started, err)
	}
	for _, p := range pairs {
		if strings.Contains(log+string(started), p.password) {
			t.Errorf("the password %q is in the log, or was not on stdin alone:\n%s\n%s", p.password, log, started)
		}
	}
}

func try(t *testing.T, p pair, page, proxy string, args ...string) {
	t.Helper()
	args = append(args, "--socks5-hostname", proxy)
	if p.ok {
		download(t, 1<<20, page, args...)
		return
	}
	r := run(t, curl(t, append(args, page+"/1")...))
	if got, want := exitStatus(r.err), 97; got != want || r.stdout != "" { // 97: the proxy refused
		t.Errorf("through %s: status %d and %q, want %d and nothing\n%s", proxy, got, r.stdout, want, r.stderr)
	}
}

// TestAuthCommandPAMMutualTLS verifies logins with PAM: with pamtester, and in
// place of the modules and of /etc/pam.d of this host with those of pam_wrapper.
func TestAuthCommandPAMMutualTLS(t *testing.T) {
	pamtester := program(t, "pamtester", "pamtester")
	matrix, err := filepath.Glob("/usr/lib/*/pam_wrapper/pam_matrix.so")
	if err != nil || len(matrix) == 0 {
		lacking(t, "pam_wrapper is missing: install the Debian package libpam-wrapper")
	}
	dir := t.TempDir()
	users := writeFile(t, filepath.Join(dir, "users"), "games:correct horse:socksctl\nsys:battery staple:socksctl\n")
	module := "required " + matrix[0] + " passdb=" + users + "\n"
	services := filepath.Join(dir, "services")
	if err := os.Mkdir(services, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(services, "socksctl"), "auth "+module+"account "+module)
	executable(t, filepath.Join(dir, "pamtester"), fmt.Sprintf(`#!/bin/sh
PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR=%s LD_PRELOAD=libpam_wrapper.so exec %s "$@"
`, services, pamtester))

	// Who is in PAM has to be a user of the system for its groups.
	for _, name := range []string{"games", "sys"} {
		if got := mustRun(t, exec.Command("id", "-Gn", name)); strings.TrimSpace(got) != name {
			lacking(t, "the groups of "+name+" are not as Debian has them")
		}
	}
	tryLogins(t, fmt.Sprintf("env PATH=%s:%s %s", dir, os.Getenv("PATH"), verifier(t, "verify-pam")), "games", []pair{
		{"games", "correct horse", true},
		{"games", "battery staple", false},
		{"sys", "battery staple", false}, // not in the group
		{"nobody", "correct horse", false},
		{"Games", "correct horse", false},
	})
}

// TestAuthCommandLDAPMutualTLS verifies logins with a bind to OpenLDAP's server.
func TestAuthCommandLDAPMutualTLS(t *testing.T) {
	program(t, "ldapsearch", "ldap-utils")
	keys := certificates(t)
	url := directory(t, freePort(t), keys.file("ca.crt"), keys.file("server.crt"), keys.file("server.key"))
	command := fmt.Sprintf("env LDAPTLS_CACERT=%s %s %s dc=example,dc=com", keys.file("ca.crt"), verifier(t, "verify-ldap"), url)
	tryLogins(t, command, "staff", []pair{
		{"alice", "correct horse", true},
		{"alice", "battery staple", false},
		{"bob", "battery staple", false}, // not in the group
		{"carol", "correct horse", false},
		{"ALICE", "correct horse", false}, // whom the directory takes for alice
		{"alice)(cn=*", "correct horse", false},
	})
}

// people are those of a directory, and their groups.
const people = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
userPassword: correct horse

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
userPassword: battery staple

dn: uid=erin,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: erin
cn: Erin
sn: E
userPassword: correct horse battery staple

dn: cn=staff,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=com
member: uid=erin,ou=people,dc=example,dc=com
`

// directory starts slapd with people at an address, and returns its URL.
func directory(t *testing.T, address, ca, certificate, key string) string {
	t.Helper()
	slapd, slapadd := program(t, "slapd", "slapd"), program(t, "slapadd", "slapd")
	dir := t.TempDir()
	config := writeFile(t, filepath.Join(dir, "slapd.conf"), fmt.Sprintf(`
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile %s
TLSCertificateFile %s
TLSCertificateKeyFile %s
database mdb
suffix "dc=example,dc=com"
directory %s
access to attrs=userPassword by anonymous auth
access to * by users read
`, ca, certificate, key, dir))
	mustRun(t, command(slapadd, "-f", config, "-l", writeFile(t, filepath.Join(dir, "ldif"), people)))
	url := "ldaps://" + address
	p := startCommand(t, command(slapd, "-f", config, "-h", url, "-d", "stats"))
	p.await(t, regexp.MustCompile(`slapd starting`), 1)
	return url
}
