package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/socksctl/socksctl/"

// floors is where each package stands. A package imports what is on the floors
// below it, and nothing else of the module. This table is the plan: what does
// not fit is moved, and the table is not edited to let it pass.
var floors = map[string]int{
	"cmd/socksctl": 5, // assembly: commands, signals, exit statuses

	"internal/admin":  4, // how a running service is talked to
	"internal/audit":  4, // who did what, a line each
	"internal/check":  4, // a proxy from end to end, and what to do about it
	"internal/top":    4, // the sessions of one, in a terminal
	"internal/config": 4, // values of server, client and certs, as a file writes them

	"forwarder":        3, // a server whose outbound is a client
	"internal/acl":     3, // rules that a server asks
	"internal/auth":    3, // logins of a server
	"internal/history": 3, // the record of its sessions
	"internal/live":    3, // the table of its sessions
	"internal/metrics": 3, // what a server does, for Prometheus

	"server": 2, // accepts, and asks an outbound
	"client": 2, // is an outbound

	"internal/carrier": 1, // datagrams to one SOCKS peer
	"internal/relay":   1, // two conns, both ways
	"internal/shape":   1, // rates that many connections share
	"certs":            1, // certificates, and what TLS does with them
	"internal/acme":    1, // certificates that an authority issues

	"internal/socks5": 0, // the words of the RFCs
	"internal/files":  0, // files that are replaced and watched
	"internal/strict": 0, // TOML that says what is wrong where
	"internal/human":  0, // what people read
	"internal/errno":  0, // what the system says, by one name everywhere
	"internal/page":   1, // the status page, drawn
	"internal/walls":  0, // what files the kernel lets the process have
	"internal/owner":  0, // whose socket a client on this host has
	"internal/memory": 0, // how much of it a process keeps

	"internal/inherit":     0, // listeners that another process opened
	"internal/destination": 0, // where sessions go that are asked about

	"bench":                      testsOnly,
	"internal/pgtest":            testsOnly, // a PostgreSQL server for them
	"internal/proxytest":         testsOnly, // a server that is looked at, and somebody who talks through it
	"internal/realtest":          testsOnly, // real programs against the command
	"internal/sockstest":         testsOnly, // the conformance suite
	"internal/sockstest/rig":     testsOnly, // what it runs against
	"internal/sockstest/faraway": testsOnly, // a network for tests that count round trips
}

// testsOnly is the place of a package beside the floors: it may import all, and
// no package of a floor imports it.
const testsOnly = -1

// ban keeps some packages from importing others. A name that ends in /... stands
// for all below it too.
type ban struct {
	who    []string // of the module; nil: all that stand on a floor
	except []string
	what   []string
	deep   bool // not through other packages either
	why    string
}

var bans = []ban{
	{except: []string{"cmd/socksctl"}, deep: true,
		what: []string{"github.com/spf13/...", "github.com/go-viper/...", "github.com/lmittmann/tint", "golang.org/x/term"},
		why:  "who embeds a package does not get the command line with it"},
	{except: []string{"cmd/socksctl", "internal/top"}, deep: true, what: []string{"charm.land/..."},
		why: "only the command draws on terminals, and internal/top for it"},
	{what: []string{"testing", "github.com/google/go-cmp/...", "go.uber.org/goleak", "github.com/rogpeppe/go-internal/testscript"}, deep: true,
		why: "the program holds nothing that is for tests"},
	{what: []string{"log", "flag", "expvar", "net/http/pprof"},
		why: "they keep their state in globals"},
	{what: []string{"C", "plugin"},
		why: "the program builds for every system without a C compiler"},
	{except: []string{"cmd/socksctl"}, what: []string{"os/signal"},
		why: "a package is a guest in its process: it takes no signals"},
	{except: []string{"cmd/socksctl", "internal/admin", "internal/acme"}, what: []string{"net/http"},
		why: "a package is a guest in its process and serves no pages; but HTTP is how a service is talked to, which is internal/admin, and how an authority is asked, which is internal/acme"},
	{except: []string{"cmd/socksctl", "internal/acme"}, deep: true,
		what: []string{"github.com/caddyserver/...", "github.com/mholt/...", "go.uber.org/zap/..."},
		why:  "who embeds a server has certificates from where it likes, and not all that ACME takes with it"},
	{except: []string{"cmd/socksctl", "internal/auth"}, what: []string{"os/exec"},
		why: "a package is a guest in its process and starts no programs; but the one that verifies logins, which an operator named, is started in internal/auth"},
	{who: []string{"server"}, what: []string{module + "client"}, deep: true,
		why: "they share a method set: any Outbound will do"},
	{who: []string{"client"}, what: []string{module + "server"}, deep: true,
		why: "a client comes without a server"},
	{who: []string{"certs", "internal/acme", "internal/files", "internal/owner", "internal/relay"}, what: []string{module + "internal/socks5"}, deep: true,
		why: "they know nothing of SOCKS"},
	{who: []string{"internal/carrier"}, what: []string{"crypto/tls"},
		why: "a Stream takes any net.Conn, and who dials decides what is under it"},
	{who: []string{"internal/config"}, what: []string{"os", "net", "net/http"},
		why: "it is given bytes and gives values; who reads files and opens sockets is the command"},
	{who: []string{"internal/socks5"}, what: []string{"bufio", "crypto/...", "math/rand/...", "sync/...", "time", "golang.org/..."},
		why: "the words of a protocol have no clocks, no locks and no buffers of their own"},
	{who: []string{"internal/files"}, what: []string{"net/...", "crypto/..."},
		why: "it handles files whatever is in them"},
}

// listed is what go list tells of a package.
type listed struct {
	ImportPath    string
	Imports, Deps []string
}

func TestDependencies(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows", "freebsd"} {
		t.Run(system, func(t *testing.T) {
			for _, broken := range violations(list(t, system)) {
				t.Error(broken)
			}
		})
	}
}

// list returns the packages of the module and what they import on a system.
func list(t *testing.T, system string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// violations tells what of packages, all of the module, the tables do not allow.
func violations(packages []listed) []string {
	var broken []string
	missing := make(map[string]bool)
	for name := range floors {
		missing[name] = true
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		floor, known := floors[name]
		if !known {
			broken = append(broken, name+" stands on no floor")
		}
		delete(missing, name)
		if !known || floor == testsOnly {
			continue
		}
		broken = append(broken, upward(name, floor, p)...)
		for _, b := range bans {
			broken = append(broken, b.violations(name, p)...)
		}
	}
	for name := range missing {
		broken = append(broken, name+" stands on a floor, and there is no such package")
	}
	slices.Sort(broken)
	return broken
}

// upward tells which imports of p do not go down.
func upward(name string, floor int, p listed) (broken []string) {
	for _, imported := range p.Imports {
		below, ours := strings.CutPrefix(imported, module)
		if !ours {
			continue
		}
		if at, known := floors[below]; !known || at == testsOnly || at >= floor {
			broken = append(broken, fmt.Sprintf("%s (floor %d) imports %s, which is not on a floor below", name, floor, below))
		}
	}
	return broken
}

// violations tells which imports of p, a package of the module, b forbids.
func (b ban) violations(name string, p listed) (broken []string) {
	if b.who != nil && !slices.Contains(b.who, name) || slices.Contains(b.except, name) {
		return nil
	}
	imports := p.Imports
	if b.deep {
		imports = p.Deps
	}
	for _, imported := range imports {
		if slices.ContainsFunc(b.what, func(pattern string) bool { return covers(pattern, imported) }) {
			broken = append(broken, fmt.Sprintf("%s depends on %s: %s", name, imported, b.why))
		}
	}
	return broken
}

func covers(pattern, imported string) bool {
	parent, below := strings.CutSuffix(pattern, "/...")
	return imported == parent || below && strings.HasPrefix(imported, parent+"/")
}

// TestDependencyViolations holds the check against graphs that it must refuse.
func TestDependencyViolations(t *testing.T) {
	got := violations([]listed{
		{ImportPath: module + "server", Imports: []string{module + "internal/socks5", module + "client"}, Deps: []string{module + "client"}},
		{ImportPath: module + "client", Imports: []string{module + "internal/sockstest", "crypto/tls", "log"}},
		{ImportPath: module + "certs", Imports: []string{"x"}, Deps: []string{"x", "github.com/spf13/pflag"}},
		{ImportPath: module + "internal/relay", Imports: []string{"sync"}},
		{ImportPath: module + "internal/socks5", Imports: []string{"sync/atomic"}},
		{ImportPath: module + "internal/util"},
		{ImportPath: module + "bench", Imports: []string{module + "cmd/socksctl", "testing"}},
	})
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "no such package") })
	want := []string{
		"certs depends on github.com/spf13/pflag: who embeds a package does not get the command line with it",
		"client (floor 2) imports internal/sockstest, which is not on a floor below",
		"client depends on log: they keep their state in globals",
		"internal/socks5 depends on sync/atomic: the words of a protocol have no clocks, no locks and no buffers of their own",
		"internal/util stands on no floor",
		"server (floor 2) imports client, which is not on a floor below",
		"server depends on " + module + "client: they share a method set: any Outbound will do",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// socketless is what internal/socks5 takes from package net, where the types of
// addresses and errors are: nothing that opens or uses a socket.
var socketless = []string{"Addr", "DNSError", "Error", "JoinHostPort", "SplitHostPort", "TCPAddr", "UDPAddr"}

// TestSocks5HasNoSockets holds what imports cannot tell.
func TestSocks5HasNoSockets(t *testing.T) {
	var used []string
	for _, f := range sources(t, "internal/socks5") {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine", f.at(n))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "net" {
					used = append(used, n.Sel.Name)
				}
			}
			return true
		})
	}
	slices.Sort(used)
	if diff := cmp.Diff(socketless, slices.Compact(used)); diff != "" {
		t.Errorf("of package net: -want +got:\n%s", diff)
	}
}
