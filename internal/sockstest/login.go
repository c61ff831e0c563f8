package sockstest

import (
	"slices"
	"strings"
	"testing"
)

// alice is the one user of most statements about logins.
var alice = map[string]User{"alice": {Password: "correct horse"}}

// Login returns statements 10 to 16 (RFC 1929).
func Login() []Statement {
	return []Statement{
		{"10_right_pair", rightPair, parsing},
		{"11_wrong_pairs_are_alike", wrongPairs, parsing},
		{"12_wrong_version", wrongLoginVersion, parsing},
		{"13_empty_name", emptyName, parsing},
		{"14_empty_password", emptyPassword, parsing},
		{"15_longest_pair", longestPair, parsing},
		{"15_bytes_not_text", bytesNotText, parsing},
		{"16_one_segment", oneSegment, parsing},
	}
}

// offerLogin goes through the negotiation up to the login.
func (w *wire) offerLogin() {
	w.t.Helper()
	w.send([]byte{0x05, 0x01, 0x02})
	w.expect([]byte{0x05, 0x02})
}

// logIn wants 01 00 for a name and password.
func (w *wire) logIn(name, password string) {
	w.t.Helper()
	w.offerLogin()
	w.send(login(name, password))
	w.expect([]byte{0x01, 0x00})
}

// badLogin sends a login message with a request behind it, and wants 01 01, the
// end, and no dial.
func badLogin(t testing.TB, b *Bench, ep *Endpoint, message []byte) {
	t.Helper()
	o := b.origin(t)
	w := b.dial(t, ep)
	w.offerLogin()
	w.send(message, request(cmdConnect, at(o.addr)))
	w.expect([]byte{0x01, 0x01})
	w.end()
	o.unasked()
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

func rightPair(t testing.TB, b *Bench) {
	o := b.origin(t)
	w := b.dial(t, b.start(t, Config{Users: alice}))
	w.logIn("alice", "correct horse")
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
}

// wrongPairs compares the answers; that the work is the same is counted where the
// hashes are.
func wrongPairs(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Users: alice})
	badLogin(t, b, ep, login("alice", "wrong"))
	badLogin(t, b, ep, login("mallory", "wrong"))
}

func wrongLoginVersion(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Users: alice})
	for _, version := range []byte{0x00, 0x02, 0x05} {
		message := login("alice", "correct horse")
		message[0] = version
		badLogin(t, b, ep, message)
	}
}

func emptyName(t testing.TB, b *Bench) {
	badLogin(t, b, b.start(t, Config{Users: alice}), login("", "correct horse"))
}

func emptyPassword(t testing.TB, b *Bench) {
	badLogin(t, b, b.start(t, Config{Users: alice}), login("alice", ""))
}

func longestPair(t testing.TB, b *Bench) {
	name, password := strings.Repeat("n", 255), strings.Repeat("p", 254)+"\x00"
	ep := b.start(t, Config{Users: map[string]User{name: {Password: password}}})
	b.dial(t, ep).logIn(name, password)
	badLogin(t, b, ep, login(name, password[:254]))
}

func bytesNotText(t testing.TB, b *Bench) {
	long := strings.Repeat("x", 72)
	ep := b.start(t, Config{Users: map[string]User{
		"alice":    {Password: "a\x00b\xff"},
		"\xff\xfe": {Password: "\x80"},
		"bob":      {Password: long, Bcrypt: true},
		"carol":    {Password: "secret", Bcrypt: true},
	}})
	b.dial(t, ep).logIn("alice", "a\x00b\xff")
	b.dial(t, ep).logIn("\xff\xfe", "\x80")
	b.dial(t, ep).logIn("bob", long)
	for _, message := range [][]byte{
		login("alice\x00x", "a\x00b\xff"), login("alice", "a\x00b\xfe"), login("alice", "a"),
		login("bob", long+"y"), login("carol", "secret\x00junk"), login("\xff", "\x80"),
	} {
		badLogin(t, b, ep, message)
	}
}

func oneSegment(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{Users: alice})
	rest := slices.Concat(request(cmdConnect, at(o.addr)), []byte("HELLO"))
	w := b.dial(t, ep)
	w.send([]byte{0x05, 0x01, 0x02}, login("alice", "wrong"), rest)
	w.expect([]byte{0x05, 0x02, 0x01, 0x01})
	w.end()
	o.unasked()
	w = b.dial(t, ep)
	w.send([]byte{0x05, 0x01, 0x02}, login("alice", "correct horse"), rest)
	w.expect([]byte{0x05, 0x02, 0x01, 0x00})
	w.bound()
	o.next().expect([]byte("HELLO"))
}
