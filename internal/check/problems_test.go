package check_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/check"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// problem is one that is provoked, and what a check has to say of it.
type problem struct {
	name   string
	config func(*testing.T, *world) check.Config
	step   string
	cause  client.Cause
	says   []string // in Why or Next
}

// problems are all that checks tell apart.
func problems() []problem {
	all := append(wayProblems(), tlsProblems()...)
	all = append(all, certificateProblems()...)
	all = append(all, clientProblems()...)
	all = append(all, loginProblems()...)
	all = append(all, requestProblems()...)
	all = append(all, datagramProblems()...)
	return append(all, systemProblems()...)
}

func wayProblems() []problem {
	return []problem{
		{"no such host", func(*testing.T, *world) check.Config { return plain("no..such.host:1080") },
			check.StepTCP, client.CauseNoSuchHost, []string{"no such host", "look for a slip in the name"}},
		{"port closed", func(t *testing.T, _ *world) check.Config { return plain(proxytest.Closed(t)) },
			check.StepTCP, client.CausePortClosed, []string{"refused", "is the proxy running, and is this its port?"}},
		{"hung up", func(t *testing.T, _ *world) check.Config {
			return plain(serve(t, &server.Server{Gate: func(*server.Session, net.Conn) error { return errors.New("no") }}))
		}, check.StepLogin, client.CauseHungUp, []string{"EOF (it hung up)", "turns this host away"}},
		{"silent", func(t *testing.T, _ *world) check.Config {
			return quick(plain(answer(t, func(c net.Conn) { io.Copy(io.Discard, c) })))
		}, check.StepLogin, client.CauseSilent, []string{"no answer in time", "with TLS (socks5+tls://) or without?"}},
		{"TLS where none was expected", func(t *testing.T, w *world) check.Config {
			return quick(plain(serve(t, &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{})})))
		}, check.StepLogin, client.CauseNotSOCKS, []string{"what answers there is TLS: use socks5+tls:// for it"}},
		{"SSH", func(t *testing.T, _ *world) check.Config {
			return plain(answer(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH_10.0\r\n"); io.Copy(io.Discard, c) }))
		}, check.StepLogin, client.CauseNotSOCKS, []string{"what answers there is SSH"}},
		{"HTTP", func(t *testing.T, _ *world) check.Config { return quick(plain(webServer(t))) },
			check.StepLogin, client.CauseNotSOCKS, []string{"a web server or an HTTP proxy"}},
		{"HTTPS", func(t *testing.T, w *world) check.Config {
			web := httptest.NewUnstartedServer(http.NotFoundHandler())
			web.TLS = &tls.Config{Certificates: []tls.Certificate{*w.certificate(t, certs.Options{})}}
			web.Config.ErrorLog = log.New(io.Discard, "", 0)
			web.StartTLS()
			t.Cleanup(web.Close)
			return quick(secure(t, web.Listener.Addr().String(), w.trusting()))
		}, check.StepLogin, client.CauseNotSOCKS, []string{"no answer in time", "a web server or an HTTP proxy"}},
		{"addresses in place of names", func(t *testing.T, _ *world) check.Config {
			c := plain(serve(t, new(server.Server)))
			c.Environ = []string{"PATH=/", "ALL_PROXY=socks5://127.0.0.1:1080", "https_proxy=SOCKS5://127.0.0.1:1080", "HTTP_PROXY=socks5h://127.0.0.1:1080"}
			return c
		}, check.StepNames, check.CauseAddresses, []string{"ALL_PROXY, https_proxy begins with socks5://", "write socks5h://"}},
	}
}

// webServer is one that answers what it understands, and waits for the rest of what
// it does not.
func webServer(t *testing.T) string {
	return answer(t, func(c net.Conn) {
		if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && strings.HasPrefix(line, "GET ") {
			io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
		}
	})
}

func tlsProblems() []problem {
	return []problem{
		{"plain SOCKS where TLS was expected", func(t *testing.T, w *world) check.Config {
			return secure(t, serve(t, new(server.Server)), w.trusting())
		}, check.StepTLS, client.CauseNotTLS, []string{"SOCKS without TLS: use socks5:// for it"}},
		{"HTTP where TLS was expected", func(t *testing.T, w *world) check.Config {
			web := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(web.Close)
			return secure(t, web.Listener.Addr().String(), w.trusting())
		}, check.StepTLS, client.CauseNotTLS, []string{"the server does not speak TLS", "a web server or an HTTP proxy, without TLS"}},
		{"silent HTTP where TLS was expected", func(t *testing.T, w *world) check.Config {
			return quick(secure(t, webServer(t), w.trusting()))
		}, check.StepTLS, client.CauseNotSOCKS, []string{"a web server or an HTTP proxy"}},
		{"cut off", func(t *testing.T, w *world) check.Config {
			return secure(t, answer(t, func(c net.Conn) { io.ReadFull(c, make([]byte, 5)) }), w.trusting())
		}, check.StepTLS, client.CauseTLSCut, []string{"a firewall may forbid TLS"}},
		{"silent where TLS was expected", func(t *testing.T, w *world) check.Config {
			return quick(secure(t, answer(t, func(c net.Conn) { io.Copy(io.Discard, c) }), w.trusting()))
		}, check.StepTLS, client.CauseTLSSilent, []string{"no answer in time", "waits for something else than TLS"}},
		{"old TLS", func(t *testing.T, w *world) check.Config {
			config := &tls.Config{Certificates: []tls.Certificate{*w.certificate(t, certs.Options{})}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			return secure(t, serve(t, &server.Server{TLS: config, Auth: []server.Authenticator{server.NoAuth{}}}), w.trusting())
		}, check.StepTLS, client.CauseTLSVersion, []string{"the server speaks no version of TLS that we do", "the server needs an update"}},
		{"no certificate yet", func(t *testing.T, w *world) check.Config {
			config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }}
			return secure(t, serve(t, &server.Server{TLS: config, Auth: []server.Authenticator{server.NoAuth{}}}), w.trusting())
		}, check.StepTLS, client.CauseTLS, []string{"a fault of its own", "it may have no certificate yet"}},
		{"not quite TLS", func(t *testing.T, w *world) check.Config {
			return secure(t, answer(t, func(c net.Conn) { io.Copy(c, c) }), w.trusting())
		}, check.StepTLS, client.CauseTLS, []string{"what answers there does not keep to TLS"}},
	}
}

func certificateProblems() []problem {
	const day = 24 * time.Hour
	now := time.Now()
	shown := func(o certs.Options, hosts ...string) func(*testing.T, *world) check.Config {
		return func(t *testing.T, w *world) check.Config {
			c := certs.ServerConfig{Certificate: made(t)(w.ca.Server(hosts, o)).TLS()}
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), w.trusting())
		}
	}
	return []problem{
		{"expired", shown(certs.Options{NotBefore: now.Add(-9 * day), Validity: day}, "localhost"),
			check.StepCertificate, client.CauseExpired, []string{"the server's certificate expired 8 days ago", "make a new one", "unless this host's clock is wrong: it says 20"}},
		{"not yet valid", shown(certs.Options{NotBefore: now.Add(3 * day)}, "localhost"),
			check.StepCertificate, client.CauseNotYetValid, []string{"is not valid yet, it begins in 3 days", "this host's clock says 20", "if that is late, set it"}},
		{"this clock is behind", func(t *testing.T, w *world) check.Config {
			c := certs.ServerConfig{Certificate: w.certificate(t, certs.Options{NotBefore: now.Add(3 * day)})}
			knows := w.trusting()
			knows.Built = now.Add(2 * day)
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), knows)
		}, check.StepCertificate, client.CauseNotYetValid, []string{"this host's clock is behind: it says 20", "and this program is of 20"}},
		{"wrong name", shown(certs.Options{}, "proxy.example.com", "192.0.2.1"),
			check.StepCertificate, client.CauseWrongName, []string{"certificate is valid for proxy.example.com, not localhost", "give --server-name proxy.example.com"}},
		{"unknown CA", func(t *testing.T, w *world) check.Config {
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{})}), certs.ClientConfig{})
		}, check.StepCertificate, client.CauseUnknownCA, []string{`its issuer is "CN=our network"`, "signed by unknown authority", "give its CA with --ca, or trust it by --pin sha256/"}},
		{"TLS inspection", func(t *testing.T, w *world) check.Config {
			return secure(t, w.inspector(t, serve(t, &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{})})), w.trusting())
		}, check.StepCertificate, client.CauseInspection, []string{`it has the right name and a foreign issuer, "CN=inspector"`, "something on the way may open TLS"}},
		{"other pin", func(t *testing.T, w *world) check.Config {
			knows := certs.ClientConfig{Pins: []string{"sha256/" + strings.Repeat("A", 43) + "="}}
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{})}), knows)
		}, check.StepCertificate, client.CausePin, []string{"has the pin sha256/", "prints the pin to expect"}},
		{"certificate of a client", func(t *testing.T, w *world) check.Config {
			c := certs.ServerConfig{Certificate: made(t)(w.ca.Client("alice", certs.Options{Names: []string{"localhost"}})).TLS()}
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), w.trusting())
		}, check.StepCertificate, client.CauseUsage, []string{"incompatible key usage", "it is not meant for servers"}},
	}
}

func clientProblems() []problem {
	const day = 24 * time.Hour
	now := time.Now()
	shows := func(show func(*testing.T, *world) certs.ClientConfig, most uint16) func(*testing.T, *world) check.Config {
		return func(t *testing.T, w *world) check.Config {
			config := w.tlsServer(t, w.mutual()).Clone()
			if most != 0 {
				config = config.Clone()
				c := secure(t, serve(t, &server.Server{TLS: config}), show(t, w))
				c.Dialer.TLS.MaxVersion = most
				return c
			}
			return secure(t, serve(t, &server.Server{TLS: config}), show(t, w))
		}
	}
	none := func(_ *testing.T, w *world) certs.ClientConfig { return w.trusting() }
	missing := []string{"none was given", `give one with --cert and --key, of "CN=our network"`}
	return []problem{
		{"no client certificate, TLS 1.3", shows(none, 0), check.StepClient, client.CauseNoClient, append(missing, "the server requires a client certificate")},
		{"no client certificate, TLS 1.2", shows(none, tls.VersionTLS12), check.StepClient, client.CauseNoClient, missing},
		{"client certificate of another CA", shows(func(t *testing.T, w *world) certs.ClientConfig {
			return w.showing(made(t)(w.other.Client("me", certs.Options{})))
		}, 0), check.StepClient, check.CauseClientCA, []string{"its CA is not one that the server trusts", `the server takes those of "CN=our network", and this one is of "CN=inspector"`}},
		{"expired client certificate", shows(func(t *testing.T, w *world) certs.ClientConfig {
			return w.showing(made(t)(w.ca.Client("me", certs.Options{NotBefore: now.Add(-9 * day), Validity: day})))
		}, 0), check.StepClient, check.CauseClientExpired, []string{"it has expired, or is not valid yet", "make a new one with \"socksctl cert client\", or set the clock"}},
		{"the server's clock is ahead", func(t *testing.T, w *world) check.Config {
			config := &tls.Config{
				Certificates: []tls.Certificate{*w.certificate(t, certs.Options{})}, ClientAuth: tls.RequireAndVerifyClientCert,
				ClientCAs: x509.NewCertPool(), Time: func() time.Time { return now.Add(3 * 365 * day) },
			}
			config.ClientCAs.AddCert(w.ca.Certificate)
			return secure(t, serve(t, &server.Server{TLS: config}), w.showing(made(t)(w.ca.Client("me", certs.Options{}))))
		}, check.StepClient, check.CauseClientClock, []string{"it has expired, or is not valid yet", "one of the two clocks is wrong, the server's or this one"}},
		{"client certificate of a server", shows(func(t *testing.T, w *world) certs.ClientConfig {
			return w.showing(made(t)(w.ca.Server([]string{"localhost"}, certs.Options{})))
		}, 0), check.StepClient, check.CauseClientUsage, []string{"the server refused our certificate", "it is not meant for clients"}},
		{"revoked client certificate", func(t *testing.T, w *world) check.Config {
			dir := t.TempDir()
			pair := made(t)(w.ca.Client("me", certs.Options{}))
			if err := errors.Join(pair.Write(dir, "me", false), w.ca.Revoke(dir, "me")); err != nil {
				t.Fatal(err)
			}
			c := w.mutual()
			c.CRLFile = dir + "/crl.pem"
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), w.showing(pair))
		}, check.StepClient, check.CauseClientRevoked, []string{"the server refused our certificate", "so it may be revoked"}},
	}
}

func loginProblems() []problem {
	withLogin := func(t *testing.T) check.Config {
		return plain(serve(t, &server.Server{Auth: []server.Authenticator{alice{}}}))
	}
	return []problem{
		{"wrong password", func(t *testing.T, _ *world) check.Config { return as(withLogin(t), "alice", "wrong") },
			check.StepLogin, client.CauseLogin, []string{"wrong user name or password", "socksctl user verify"}},
		{"no login given", func(t *testing.T, _ *world) check.Config { return withLogin(t) },
			check.StepLogin, client.CauseMethod, []string{"none of the login methods", "the proxy wants a user name and password"}},
	}
}

func requestProblems() []problem {
	to := func(s func(*testing.T) *server.Server, target func(*testing.T) string) func(*testing.T, *world) check.Config {
		return func(t *testing.T, _ *world) check.Config {
			c := plain(serve(t, s(t)))
			c.Target = target(t)
			return c
		}
	}
	with := func(s *server.Server) func(*testing.T) *server.Server {
		return func(*testing.T) *server.Server { return s }
	}
	nowhere := func(*testing.T) string { return "" }
	return []problem{
		{"target denied", to(with(&server.Server{Policy: deny(server.StageRequest)}), func(*testing.T) string { return "example.com:443" }),
			check.StepConnect, client.CauseDenied, []string{"not allowed by the rules (REP 02)", "a rule of the proxy forbids it"}},
		{"address denied", to(with(&server.Server{Policy: deny(server.StageRequest)}), proxytest.Closed),
			check.StepConnect, client.CauseDenied, []string{"(REP 02)", "socks5h:// in place of socks5://"}},
		{"target refuses", to(with(&server.Server{}), proxytest.Closed),
			check.StepConnect, client.CauseTargetRefused, []string{"connection refused (REP 05)", "nothing listens on that port of the target"}},
		{"name unknown to the proxy", to(with(&server.Server{}), func(*testing.T) string { return "no..such.host:443" }),
			check.StepConnect, client.CauseTargetUnreachable, []string{"host unreachable (REP 04)", "the proxy finds no such name"}},
		{"forwarder without its server", to(func(t *testing.T) *server.Server {
			return forwarder.New(&client.Dialer{Address: proxytest.Closed(t)})
		}, func(*testing.T) string { return "example.com:443" }),
			check.StepConnect, client.CauseTargetUnreachable, []string{"network unreachable (REP 03)", "a forwarder says so when it cannot use its server"}},
		{"CONNECT is off", to(with(&server.Server{Commands: server.CommandBind}), nowhere),
			check.StepConnect, client.CauseCommandOff, []string{"command not supported (REP 07)", "--commands switches it on"}},
		{"BIND is off", to(with(&server.Server{Commands: server.CommandConnect | server.CommandUDP}), nowhere),
			check.StepBind, client.CauseCommandOff, []string{"command not supported (REP 07)", "--commands switches it on"}},
		{"BIND fails", to(full, nowhere),
			check.StepBind, client.CauseProxyFailed, []string{"(REP 01)", "the proxy's log says why"}},
		{"the peer of BIND is denied", to(with(&server.Server{Policy: deny(server.StagePeer)}), nowhere),
			check.StepBind, client.CauseDenied, []string{"accept tcp", "(REP 02)"}},
		{"no reply", func(t *testing.T, _ *world) check.Config {
			c := plain(answer(t, func(c net.Conn) {
				if _, err := io.ReadFull(c, make([]byte, 3)); err == nil {
					c.Write([]byte{5, 0})
					io.Copy(io.Discard, c)
				}
			}))
			c.Dialer.ReplyTimeout = patience
			return c
		}, check.StepBind, client.CauseSilent, []string{"no answer in time", "the proxy took the request and does not answer it"}},
	}
}

// full is a server whose BIND has one port, which is taken.
func full(t *testing.T) *server.Server {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	return &server.Server{Outbound: &server.Direct{Ports: server.PortRange{First: port, Last: port}}}
}

func datagramProblems() []problem {
	return []problem{
		{"UDP is off", func(t *testing.T, w *world) check.Config {
			s := &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{}), Commands: server.CommandConnect | server.CommandBind}
			return secure(t, serve(t, s), w.trusting())
		}, check.StepUDPInTLS, client.CauseCommandOff, []string{"(REP 07)", "no datagrams in clear text either"}},
		{"UDP is off, without TLS", func(t *testing.T, _ *world) check.Config {
			return plain(serve(t, &server.Server{Commands: server.CommandConnect | server.CommandBind}))
		}, check.StepUDP, client.CauseCommandOff, []string{"(REP 07)"}},
		{"UDP in clear text only", func(t *testing.T, w *world) check.Config {
			return secure(t, w.standard(t, serve(t, new(server.Server))), w.trusting())
		}, check.StepUDPInTLS, check.CauseUDPClearOnly, []string{"the proxy cannot carry datagrams inside TLS", "--udp plain sends datagrams in clear text"}},
		{"UDP blocked behind the proxy", func(t *testing.T, w *world) check.Config {
			c := secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{})}), w.trusting())
			c.UDPTarget = silentUDP(t)
			return c
		}, check.StepUDP, check.CauseUDPBlocked, []string{"to 3 datagrams within", "a firewall between the proxy and it drops datagrams"}},
		{"UDP blocked before the proxy", func(t *testing.T, w *world) check.Config {
			s := &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{}), Policy: deny(server.StageDatagram)}
			c := secure(t, serve(t, s), w.trusting())
			c.Dialer.UDP, c.UDPTarget = client.UDPPlain, echoUDP(t)
			return c
		}, check.StepUDP, check.CauseUDPBlocked, []string{"a firewall between this host and 127.0.0.1:", "inside TLS (socks5+tls://, --udp tls) they pass"}},
	}
}

// Each problem ends at its step, with its cause, in words that say what it is and
// what to do. docs/troubleshooting.md has these causes, and these words.
func TestProblems(t *testing.T) {
	var mu sync.Mutex
	said := make(map[client.Cause]string)
	t.Run("each", func(t *testing.T) {
		for _, p := range problems() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				s := p.provoke(t)
				mu.Lock()
				defer mu.Unlock()
				said[p.cause] += s.Why + "\n" + s.Next + "\n"
			})
		}
	})
	if !t.Failed() && runtime.GOOS == "linux" { // elsewhere not all are provoked
		comparePage(t, said)
	}
}

// provoke returns the step that p ends at.
func (p problem) provoke(t *testing.T) check.Step {
	r := check.Run(t.Context(), p.config(t, newWorld(t)))
	s := named(r, p.step)
	if s.Cause != p.cause || s.Status != check.Failed && s.Status != check.Warning {
		t.Fatalf("%s: got %s, cause %q, want %q\n%s", p.step, s.Status, s.Cause, p.cause, text(r))
	}
	for _, want := range p.says {
		if !strings.Contains(s.Why+" "+s.Next, want) {
			t.Errorf("got %q; %q, want %q", s.Why, s.Next, want)
		}
	}
	if s.Why == "" || s.Next == "" {
		t.Errorf("got %q; %q, want both", s.Why, s.Next)
	}
	return s
}
