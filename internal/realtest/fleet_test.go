//go:build linux

package realtest_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/client"
)

// loaders is how many open sessions at the same time, one after the other.
const loaders = 4

// tally is what became of the sessions of a load.
type tally struct{ before, after, refused, lost int64 }

// underLoad opens 120 sessions through d, of which each has a few bytes come
// back, and calls kill after 40. What begins after that has to be served; of what
// was begun it tells how many were not opened, and how many were and broke off.
func underLoad(t *testing.T, d *client.Dialer, to echoes, kill func()) tally {
	t.Helper()
	var killed atomic.Bool
	var before, after, refused, lost atomic.Int64
	one := func() {
		late, done := killed.Load(), &before
		if late {
			done = &after
		}
		c, err := d.DialContext(t.Context(), "tcp", to.tcp)
		if err != nil {
			done = &refused
		} else if err = sendsBack(c); err != nil {
			done = &lost
		}
		if err == nil {
			c.Close()
		}
		if late && err != nil {
			t.Errorf("after the end of a server: %v", err)
		}
		done.Add(1)
	}
	var running sync.WaitGroup
	tick := make(chan struct{})
	for range loaders {
		running.Go(func() { // ends when tick is closed
			for range tick {
				one()
			}
		})
	}
	for i := range 120 {
		if i == 40 {
			kill()
			killed.Store(true)
		}
		tick <- struct{}{}
	}
	close(tick)
	running.Wait()
	sum := tally{before.Load(), after.Load(), refused.Load(), lost.Load()}
	t.Logf("%d before, %d after; of those under way %d were not opened, %d broke off", sum.before, sum.after, sum.refused, sum.lost)
	return sum
}

// count returns how many of sessions are no longer alive, and closes all.
func count(sessions []live) (lost int) {
	for _, s := range sessions {
		if s.alive() != nil {
			lost++
		}
		s.close()
	}
	return lost
}

// kill ends the process at once, and is content with that end.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.exited
	if p.err == nil || p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v before it was killed", p.err)
	}
	p.err = nil
}

// serveOnly starts a server for clients with a certificate, and returns its URL.
func serveOnly(t *testing.T, certificate string, keys pki) (*process, string) {
	t.Helper()
	p := start(t, "serve", "--tls-listen", "127.0.0.1:0", "--admin", "off", "--tls-cert", keys.file(certificate+".crt"),
		"--tls-key", keys.file(certificate+".key"), "--client-ca", keys.file("ca.crt"))
	return p, "socks5+tls://" + strings.Replace(p.await(t, listening, 1)[0][1], "127.0.0.1", "localhost", 1)
}

// Of three servers one is killed under load: what was on it is lost, and nothing
// else, not even what was being opened.
func TestForwardKillOneOfThreeMutualTLS(t *testing.T) {
	to, keys := newEchoes(t), certificates(t)
	args := []string{"forward", "--local", "127.0.0.1:0", "--balance", "round-robin", "--admin", "off"}
	var servers []*process
	for range 3 {
		p, url := serveOnly(t, "server", keys)
		servers, args = append(servers, p), append(args, "--server", url)
	}
	p := start(t, append(args, keys.client()...)...)
	d := &client.Dialer{Address: p.await(t, listening, 1)[0][1]}
	var open []live
	for range 6 {
		open = append(open, tunnel(t, d, to))
	}
	sum := underLoad(t, d, to, func() { servers[1].kill(t) })
	if lost := count(open); lost != 2 || sum.refused > 0 || sum.lost > loaders {
		t.Errorf("lost %d of 6 tunnels, and of the load %v: want 2, none that was not opened, and what each loader had there", lost, sum)
	}
	p.await(t, regexpOf(`msg="server is down"`), 1)
}

// zone answers queries for SRV and A.
type zone struct {
	services map[string][]dnsmessage.SRVResource
	addr     netip.Addr // of every host
}

func (z zone) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	for _, q := range m.Questions {
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
		switch q.Type {
		case dnsmessage.TypeSRV:
			for _, r := range z.services[q.Name.String()] {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &r})
			}
		case dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: z.addr.As4()}})
		}
	}
	return m.Pack()
}

// issue makes a certificate for host, as NAME.crt and NAME.key.
func (p pki) issue(t *testing.T, name, host string) {
	t.Helper()
	mustRun(t, command(socksctl(t), "cert", "server", "--dir", string(p), "--host", host, "--overwrite"))
	for _, ending := range []string{".crt", ".key"} {
		if err := os.Rename(p.file("server"+ending), p.file(name+ending)); err != nil {
			t.Fatal(err)
		}
	}
}

// asking starts socksctl in a mount namespace of its own, where resolv.conf
// names nameServer.
func asking(t *testing.T, nameServer string, args ...string) *process {
	t.Helper()
	resolv := writeFile(t, filepath.Join(t.TempDir(), "resolv.conf"), "nameserver "+nameServer+"\n")
	const script = `mount --make-rprivate / && mount --bind "$0" /etc/resolv.conf && exec "$@"`
	cmd := command("/bin/sh", append([]string{"-c", script, resolv, socksctl(t)}, args...)...)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	return startCommand(t, cmd)
}

// The servers of SRV records are tried by their priority, and each has to prove
// that it has the name of its target, unless --server-name says another.
func TestForwardSRVMutualTLS(t *testing.T) {
	if os.Getuid() != 0 {
		lacking(t, "a name server for a single process takes root")
	}
	to, keys := newEchoes(t), newPKI(t)
	var records []dnsmessage.SRVResource
	servers := make(map[string]*process)
	for i, name := range []string{"first", "second", "third"} {
		host := name + ".fleet.test"
		if name == "first" {
			host = "localhost"
		}
		keys.issue(t, name, host)
		p, url := serveOnly(t, name, keys)
		servers[name] = p
		_, port := splitHostPort(t, strings.TrimPrefix(url, "socks5+tls://"))
		records = append(records, dnsmessage.SRVResource{
			Priority: uint16(i), Weight: 1, Port: uint16(number(port)), Target: dnsmessage.MustNewName(name + ".fleet.test."),
		})
	}
	const nameServer = "127.0.0.77"
	z := zone{map[string][]dnsmessage.SRVResource{"_socks._tcp.fleet.test.": records}, netip.MustParseAddr("127.0.0.1")}
	answerAt(t, nameServer+":53", z.answer)
	forward := func(extra ...string) *client.Dialer {
		args := append([]string{"forward", "--local", "127.0.0.1:0", "--server-srv", "_socks._tcp.fleet.test", "--admin", "off"}, keys.client()...)
		p := asking(t, nameServer, append(args, extra...)...)
		return &client.Dialer{Address: p.await(t, listening, 1)[0][1]}
	}
	once := func(d *client.Dialer, on string) {
		t.Helper()
		if err := reach(d, to); err != nil {
			t.Error(err)
		}
		servers[on].await(t, regexpOf(`msg=session .*command=connect`), 1)
	}
	byTarget := forward()
	once(byTarget, "second")
	servers["second"].kill(t)
	once(byTarget, "third")
	once(forward("--server-name", "localhost"), "first")
	if text := fmt.Sprint(servers["first"].said); strings.Count(text, "msg=session") != 1 {
		t.Errorf("the first, which has another name than its target, served\n%s", text)
	}
}
