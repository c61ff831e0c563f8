//go:build linux

package realtest_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clientTrials is the programs that use socksctl as their proxy.
func clientTrials() []trial {
	const eitherWay = ", straight to a server and through a forwarder"
	return []trial{
		{"curl", versionOf("curl", "curl", "--version"), "`--socks5` and `--socks5-hostname`" + eitherWay, "", tryCurl},
		{"OpenSSH", versionOf("ssh", "openssh-client", "-V"), "`ProxyCommand` with `socksctl connect` and with ncat" + eitherWay, "", trySSH},
		{"git", versionOf("git", "git", "--version"), "`http.proxy` with `socks5h://`" + eitherWay, "", tryGit},
		{"Wget by proxychains4", versionOf("wget", "wget", "--version"), "a download" + eitherWay, "", tryProxychains},
		{"Dante's socksify", packaged("dante-client"), "CONNECT by curl, UDP ASSOCIATE by drill, BIND by tnftp in active mode" + eitherWay, "", trySocksify},
		{"Ncat", versionOf("ncat", "ncat", "--version"), "`--proxy-type socks5`" + eitherWay, "", tryNcat},
		{"socat", versionOf("socat", "socat", "-V"), "TLS in front of the TLS listener, with a client certificate", "`SOCKS4A`: SOCKS5 is all that is served", trySocat},
		{"stunnel", versionOf("stunnel", "stunnel4", "-version"), "TLS in front of the TLS listener, with a client certificate, for a curl that speaks none", "", tryStunnel},
		{"socks (Node)", nodePackage("socks"), "CONNECT, UDP ASSOCIATE and BIND" + eitherWay, "", tryNode("connect", "udp", "bind")},
		{"socks-proxy-agent (Node)", nodePackage("socks-proxy-agent"), "`http.get` by `socks5h://`" + eitherWay, "", tryNode("agent")},
		{"Chromium", versionOf("chromium", "chromium", "--version"), "a page of 30 resources, by name and by address" + eitherWay + "; it sends addresses as names, which are taken for addresses", "", tryChromium},
	}
}

func tryCurl(t *testing.T, r rig) {
	r.both(t, func(t *testing.T, proxy string) {
		for _, flag := range []string{"--socks5", "--socks5-hostname"} {
			download(t, 1<<20, "http://localhost:"+r.origin, flag, proxy)
		}
	})
}

func trySSH(t *testing.T, r rig) {
	ssh, ncat := sshServer(t), program(t, "ncat", "ncat")
	r.both(t, func(t *testing.T, proxy string) {
		for _, by := range []string{
			socksctl(t) + " connect --server socks5://" + proxy + " %h:%p", ncat + " --proxy-type socks5 --proxy " + proxy + " %h %p",
		} {
			if got := mustRun(t, ssh(by, "echo there")); got != "there\n" {
				t.Errorf("by %s: got %q", by, got)
			}
		}
	})
}

// tryGit clones a repository of one commit.
func tryGit(t *testing.T, r rig) {
	git := program(t, "git", "git")
	dir := t.TempDir()
	work, bare := filepath.Join(dir, "work"), filepath.Join(dir, "bare")
	mustRun(t, command(git, "init", "-q", work))
	mustRun(t, command(git, "-C", work, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "--allow-empty", "-m", "the only one"))
	mustRun(t, command(git, "clone", "-q", "--bare", work, bare))
	mustRun(t, command(git, "-C", bare, "update-server-info"))
	web := httptest.NewServer(http.FileServer(http.Dir(bare)))
	t.Cleanup(web.Close)
	_, port := splitHostPort(t, web.Listener.Addr().String())
	r.both(t, func(t *testing.T, proxy string) {
		to := filepath.Join(t.TempDir(), "clone")
		mustRun(t, command(git, "-c", "http.proxy=socks5h://"+proxy, "clone", "-q", "http://localhost:"+port+"/", to))
		if got := mustRun(t, command(git, "-C", to, "log", "--format=%s")); got != "the only one\n" {
			t.Errorf("got %q", got)
		}
	})
}

func tryProxychains(t *testing.T, r rig) {
	proxychains, wget := program(t, "proxychains4", "proxychains4"), program(t, "wget", "wget")
	r.both(t, func(t *testing.T, proxy string) {
		host, port := splitHostPort(t, proxy)
		config := writeFile(t, filepath.Join(t.TempDir(), "proxychains.conf"), "strict_chain\nproxy_dns\n[ProxyList]\nsocks5 "+host+" "+port+"\n")
		r.fetch(t, command(proxychains, "-q", "-f", config, wget, "-q", "--no-config", "-O", "-", r.page(1<<20)), 1<<20)
	})
}

func trySocksify(t *testing.T, r rig) {
	path, drill, tnftp := program(t, "curl", "curl"), program(t, "drill", "ldnsutils"), program(t, "tnftp", "tnftp")
	dns, ftp := nameServer(t, marker), newFTPServer(t)
	r.both(t, func(t *testing.T, proxy string) {
		r.fetch(t, socksify(t, proxy, path, "-q", "-sS", "--fail", r.page(1<<20)), 1<<20)
		if out := mustRun(t, socksify(t, proxy, drill, "-p", dns, "@127.0.0.1", "realtest.example", "TXT")); !strings.Contains(out, marker) {
			t.Errorf("drill printed %q, want an answer with %q", out, marker)
		}
		name := strings.ReplaceAll(t.Name(), "/", "-")
		source := writeFile(t, filepath.Join(t.TempDir(), "source"), marker)
		mustRun(t, socksify(t, proxy, tnftp, "-A", "-u", "ftp://127.0.0.1:"+ftp.port+"/upload/"+name, source))
		checkFile(t, filepath.Join(ftp.root, "upload", name), textChecksum(marker))
	})
	ftp.checkDataPorts(t, 2)
}

// request is what fetches a page by hand.
func (r rig) request(n int64) string {
	return fmt.Sprintf("GET /%d HTTP/1.0\r\n\r\n", n)
}

// answered runs a program that is joined to the web server, and wants the page.
func (r rig) answered(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	const size = 1 << 16
	cmd.Stdin = strings.NewReader(r.request(size))
	_, body, found := strings.Cut(mustRun(t, cmd), "\r\n\r\n")
	if got := textChecksum(body); !found || got != streamChecksum(size) {
		t.Errorf("%s: got %s, want %s", cmd.Args[0], got, streamChecksum(size))
	}
}

func tryNcat(t *testing.T, r rig) {
	ncat := program(t, "ncat", "ncat")
	r.both(t, func(t *testing.T, proxy string) {
		r.answered(t, command(ncat, "--proxy-type", "socks5", "--proxy", proxy, "--proxy-dns", "remote", "localhost", r.origin))
	})
}

func trySocat(t *testing.T, r rig) {
	socat, keys := program(t, "socat", "socat"), certificates(t)
	port := inetd(t, socat, "STDIO", "OPENSSL:"+r.tls+",commonname=localhost,cafile="+keys.file("ca.crt")+",cert="+keys.file("alice.crt")+",key="+keys.file("alice.key"))
	download(t, 1<<20, "http://localhost:"+r.origin, "--socks5-hostname", "127.0.0.1:"+port)
	host, proxyPort := splitHostPort(t, r.plain)
	old := command(socat, "STDIO", "SOCKS4A:"+host+":localhost:"+r.origin+",socksport="+proxyPort)
	old.Stdin = strings.NewReader(r.request(1))
	if got := run(t, old); got.err == nil || got.stdout != "" {
		t.Errorf("SOCKS4: got %q, %v, want a failure", got.stdout, got.err)
	}
}

// stunnel starts one that is a TLS client or a TLS server in front of an address,
// and returns its port.
func stunnel(t *testing.T, settings string) (port string) {
	t.Helper()
	config := writeFile(t, filepath.Join(t.TempDir(), "stunnel.conf"), "syslog = no\ndebug = err\n"+settings)
	return inetd(t, program(t, "stunnel", "stunnel4"), config)
}

func tryStunnel(t *testing.T, r rig) {
	keys := certificates(t)
	port := stunnel(t, fmt.Sprintf("client = yes\nconnect = %s\nCAfile = %s\nverifyChain = yes\ncheckHost = localhost\ncert = %s\nkey = %s\n",
		r.tls, keys.file("ca.crt"), keys.file("alice.crt"), keys.file("alice.key")))
	download(t, 1<<20, "http://localhost:"+r.origin, "--socks5-hostname", "127.0.0.1:"+port)
}

// tryChromium has a browser show a page of 30 pictures. What it sends is looked at
// on its way.
func tryChromium(t *testing.T, r rig) {
	r.both(t, func(t *testing.T, proxy string) {
		w, addr := tap(t, proxy)
		site := newSite(t)
		b := newBrowser(t, "--proxy-server=socks5://"+addr, "--proxy-bypass-list=<-loopback>")
		for _, host := range []string{"127.0.0.1", "localhost"} {
			b.visit(t, "http://"+net.JoinHostPort(host, site.port)+"/")
			b.await(t, "[...document.images].filter(i => i.complete && i.naturalWidth === 1).length === 30")
			site.served(t, 30)
		}
		if got := strings.Join(w.recorded(), ""); !strings.Contains(got, "\x05\x01\x00\x03\x09127.0.0.1") || strings.Contains(got, "\x05\x01\x00\x01") {
			t.Error("it sent an address as one")
		}
	})
}
