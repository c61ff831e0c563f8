package sockstest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"strings"
	"testing"
)

// TLS returns statements 68 to 70.
func TLS() []Statement {
	return []Statement{
		{"68_TLS_port_and_plain_SOCKS", plainOnTLS, directTLS},
		{"68_TLS_minimum_version", minimumVersion, directTLS},
		{"69_MutualTLS_refusals", clientCertificates, mutualDirect},
		{"69_MutualTLS_refused_forwarder", forwarderCertificates, func(m Mode) bool { return m.Hops == 1 && m.Carrier == MutualTLS }},
		{"70_TLS_servers_not_to_be_trusted", untrusted, forwardTLS},
		{"70_TLS_pin", pinned, forwardTLS},
		{"70_TLS_reload", reloaded, directTLS},
		{"70_TLS_no_early_data", noEarlyData, func(m Mode) bool { return m.Hops == 0 && m.Carrier == TLS13 }},
		{"70_MutualTLS_resumed_sessions_are_checked", resumed, mutualDirect},
		{"70_TLS_and_nothing_else_on_the_wire_CONNECT", wireConnect, forwardTLS},
		{"70_TLS_and_nothing_else_on_the_wire_BIND", wireBind, forwardTLS},
		{"70_TLS_and_nothing_else_on_the_wire_UDP", wireUDP, forwardTLS},
	}
}

// alert reads the end of a connection that fails before SOCKS: a TLS alert, or
// nothing.
func (w *wire) alert() {
	w.t.Helper()
	got, err := io.ReadAll(w.raw)
	if len(got) > 0 && got[0] != 0x15 {
		w.t.Errorf("got %s, want an alert or the end", brief(got))
	}
	if timedOut(err) {
		w.t.Errorf("the connection stays open")
	}
}

func plainOnTLS(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, hello := range [][]byte{{0x05, 0x01, 0x00}, {0x05, 0x02, 0x00, 0x02, 0x05, 0x01}, []byte("GET / HTTP/1.1\r\n\r\n")} {
		w := b.tcp(t, ep)
		w.send(hello)
		w.finish()
		w.alert()
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

func minimumVersion(t testing.TB, b *Bench) {
	const protocolVersion = tls.AlertError(70)
	files := b.files
	files.MinVersion = tls.VersionTLS13
	for most, ep := range map[uint16]*Endpoint{tls.VersionTLS12: b.start(t, Config{TLS: &files}), tls.VersionTLS11: b.start(t, Config{})} {
		config := b.clientTLS(t)
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, most
		_, err := b.secure(t, ep, config)
		if err == nil || !strings.HasSuffix(err.Error(), "remote error: "+protocolVersion.Error()) {
			t.Errorf("a client of up to %s: got %v, want the alert %q", tls.VersionName(most), err, protocolVersion)
		}
	}
}

// unwelcome handshakes with a certificate, asks for a CONNECT and wants no byte.
// Under TLS 1.3 the refusal comes after the client's side is done.
func (b *Bench) unwelcome(t testing.TB, ep *Endpoint, what string, config *tls.Config) {
	t.Helper()
	w, err := b.secure(t, ep, config)
	if err == nil {
		w.Write(join([]byte{0x05, 0x01, 0x00}, request(cmdConnect, nowhere()))) // may meet the end
		var got []byte
		got, err = io.ReadAll(w)
		if len(got) > 0 {
			t.Errorf("%s: got %s, want no byte", what, brief(got))
		}
	}
	if err == nil || timedOut(err) {
		t.Errorf("%s: got %v, want a refusal", what, err)
	}
}

// shownBy returns the TLS side of an app that shows a certificate.
func (b *Bench) shownBy(t testing.TB, p *pki, name string, options ...func(*x509.Certificate)) *tls.Config {
	t.Helper()
	config := b.clientTLS(t)
	cert, key := p.issue(t, name, options...)
	config.Certificates = nil
	pair := loadPair(t, cert, key)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return config
}

// authority makes a PKI of the test's own, so that what is issued and revoked in
// it concerns nobody else.
func (b *Bench) authority(t testing.TB) *Bench {
	t.Helper()
	own := *b
	own.files, own.pki = newTLSFiles(t)
	return &own
}

func clientCertificates(t testing.TB, b *Bench) {
	b = b.authority(t)
	revoked := b.shownBy(t, b.pki, "revoked", clientLeaf)
	b.files.CRL = b.pki.revoke(t, b.pki.path("revoked.crt"))
	ep := b.start(t, Config{})
	none := b.clientTLS(t)
	none.Certificates = nil
	for what, config := range map[string]*tls.Config{
		"no certificate":  none,
		"wrong CA":        b.shownBy(t, newPKI(t, "suite CA"), "mallory", clientLeaf),
		"expired":         b.shownBy(t, b.pki, "late", clientLeaf, expired),
		"wrong key usage": b.shownBy(t, b.pki, "web", serverLeaf),
		"revoked":         revoked,
	} {
		b.unwelcome(t, ep, what, config)
	}
	eventually(t, "the refusals to be recorded", func() bool { return len(ep.Ended()) == 5 })
	reasons := make(map[string]bool)
	for _, err := range ep.Ended() {
		if err == nil {
			t.Error("a refusal is recorded without an error")
			continue
		}
		reasons[err.Error()] = true
	}
	if len(reasons) != 5 {
		t.Errorf("got the reasons %v, want one of its own for each refusal", reasons)
	}
	w := b.dial(t, ep) // the right one is still welcome
	w.greet()
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

// forwarderCertificates lets the forwarder show what the server refuses: the app
// reads REP 03, and REP 02 or 05 would accuse the target.
func forwarderCertificates(t testing.TB, b *Bench) {
	files := b.files
	files.ClientCert, files.ClientKey = b.authority(t).pki.issue(t, "mallory", clientLeaf)
	ep := b.start(t, Config{TLS: &files})
	o := b.origin(t)
	for _, cmd := range []byte{cmdConnect, cmdBind, cmdUDP} {
		b.dial(t, ep).refused(0x03, request(cmd, at(o.addr)))
	}
	o.unasked()
}

func untrusted(t testing.TB, b *Bench) {
	otherCA, wrongName, wrongPin := b.files, b.files, b.files
	otherCA.RootCA = newPKI(t, "another CA").path("ca.crt")
	wrongName.ServerName = "proxy.example.com"
	own := b.authority(t)
	late := own.files
	late.ServerCert, late.ServerKey = own.pki.issue(t, "late", serverLeaf, expired)
	wrongPin.Pin = pinOf(t, b.files.ClientCert)
	for what, files := range map[string]*TLSFiles{"another CA": &otherCA, "wrong name": &wrongName, "expired": &late, "wrong pin": &wrongPin} {
		t.Log(what)
		ep := b.start(t, Config{TLS: files})
		o := b.origin(t)
		for _, cmd := range []byte{cmdConnect, cmdBind, cmdUDP} {
			b.dial(t, ep).refused(0x03, request(cmd, at(o.addr)))
		}
		o.unasked()
	}
}

// pinned trusts a pin beside the CA, and alone.
func pinned(t testing.TB, b *Bench) {
	for _, root := range []string{b.files.RootCA, ""} {
		files := b.files
		files.RootCA, files.Pin = root, pinOf(t, b.files.ServerCert)
		app, target := b.tunnel(t, b.start(t, Config{TLS: &files}), b.origin(t))
		app.send([]byte("pinned"))
		target.expect([]byte("pinned"))
	}
}

// reloaded changes the server's certificate under an open session.
func reloaded(t testing.TB, b *Bench) {
	b = b.authority(t)
	ep := b.start(t, Config{})
	app, target := b.tunnel(t, ep, b.origin(t))
	if err := ep.Reload(); err != nil {
		t.Fatal(err)
	}
	old := app.shown()
	b.pki.issue(t, "server", serverLeaf)
	if err := ep.Reload(); err != nil {
		t.Fatal(err)
	}
	w := b.dial(t, ep)
	w.greet()
	if w.shown().Equal(old) || !w.shown().Equal(readCert(t, b.files.ServerCert)) {
		t.Error("the server does not show the changed certificate after a reload")
	}
	halfClosed(app, target, 0) // the old session is whole
}

// shown returns the certificate that the server showed.
func (w *wire) shown() *x509.Certificate {
	return w.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// resumed takes a session up again after the client's CA was replaced, which a
// server that trusts the ticket alone would allow.
func resumed(t testing.TB, b *Bench) {
	b = b.authority(t)
	ep := b.start(t, Config{})
	config := b.clientTLS(t)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for i, want := range []bool{false, true} {
		w, err := b.secure(t, ep, config)
		if err != nil {
			t.Fatal(err)
		}
		w.greet() // the ticket is read along
		if got := w.Conn.(*tls.Conn).ConnectionState().DidResume; got != want {
			t.Fatalf("connection %d: got resumed %v, want %v", i, got, want)
		}
	}
	other := newPKI(t, "the next CA")
	writePEM(t, b.files.ClientCA, "CERTIFICATE", other.cert.Raw)
	if err := ep.Reload(); err != nil {
		t.Fatal(err)
	}
	b.unwelcome(t, ep, "a resumed session of a CA that is gone", config)
}

// noEarlyData plays a resumed connection, with its request, back to the server:
// what 0-RTT would carry out again must come to nothing.
func noEarlyData(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	o := b.origin(t)
	config := b.clientTLS(t)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	var flight bytes.Buffer
	for range 2 {
		w := b.tcp(t, ep)
		flight.Reset()
		conn := tls.Client(tapped{strictEOF{w.raw}, &flight}, config)
		w.Conn = conn
		w.connect(at(o.addr))
		o.next()
	}
	dials := ep.Dials()
	w := b.tcp(t, ep)
	w.Write(flight.Bytes()) // greeting and request are in it, for keys that are gone
	w.finish()
	got, err := io.ReadAll(w.raw)
	if timedOut(err) {
		t.Error("the replayed connection stays open")
	}
	if bytes.HasPrefix(got, []byte{0x05}) {
		t.Errorf("got %s for a replay, want no SOCKS byte", brief(got))
	}
	eventually(t, "the replay to end", func() bool { return len(ep.Ended()) == 1 })
	if ep.Ended()[0] == nil || ep.Dials() != dials {
		t.Errorf("the replay ended with %v and %d dials, want an error and none", ep.Ended()[0], ep.Dials()-dials)
	}
}
