package server_test

import (
	"encoding/binary"
	"strings"
)

// tape is the input of FuzzAdmission: each choice takes a byte of it. When it is
// over, the first choice is taken.
type tape []byte

// next returns a number below n.
func (t *tape) next(n int) int {
	if len(*t) == 0 {
		return 0
	}
	b := int((*t)[0])
	*t = (*t)[1:]
	return b % n
}

// conversation returns what client i sends: most often something that makes
// sense, sometimes with a flaw.
func (t *tape) conversation(i int) []byte {
	b := t.greeting()
	if len(b) > 1 && strings.Contains(string(b[2:]), "\x02") {
		b = append(b, t.login()...)
	}
	b = append(b, t.request(i)...)
	if t.next(4) == 0 {
		b = append(b, strings.Repeat("early", t.next(8))...)
	}
	switch at := t.next(256) % (len(b) + 1); t.next(12) {
	case 0:
		b = b[:at]
	case 1:
		b[at%len(b)] ^= 1 << t.next(8)
	case 2:
		b = append(b[:at:at], append([]byte{byte(t.next(256))}, b[at:]...)...)
	}
	return b
}

func (t *tape) greeting() []byte {
	choices := []string{
		"\x05\x01\x00", "\x05\x01\x00", "\x05\x01\x00", "\x05\x01\x02", "\x05\x01\x02", "\x05\x01\x02", "\x05\x02\x00\x02", "\x05\x02\x00\x02",
		"\x05\x02\x02\x00", "\x05\x00", "\x05\x01\xff", "\x05\x02\x01\x80", "\x04\x01\x00", "GET / HTTP/1.1\r\n\r\n",
		"\x05\xff" + strings.Repeat("\x07", 254) + "\x00", "\x05\x03\x02\x02\x02",
	}
	return []byte(choices[t.next(len(choices))])
}

func (t *tape) login() []byte {
	pair := func(name, password string) string {
		return "\x01" + string([]byte{byte(len(name))}) + name + string([]byte{byte(len(password))}) + password
	}
	choices := []string{
		pair("alice", "right"), pair("alice", "right"), pair("alice", "right"), pair("alice", "right"), pair("alice", "right"), pair("bob", "other"),
		pair("bob", "other"), pair("bob", "other"), pair("alice", "wrong"), pair("mallory", "right"), pair("", "right"), pair("alice", ""),
		"\x05" + pair("alice", "right")[1:], "", pair(strings.Repeat("n", 255), strings.Repeat("p", 255)), pair("alice\x00", "right"),
	}
	return []byte(choices[t.next(len(choices))])
}

func (t *tape) request(i int) []byte {
	commands := []byte{1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 5, 0xF3, 9, 0, 0xFF}
	name := func(s string) string { return "\x03" + string([]byte{byte(len(s))}) + s }
	addresses := []string{
		"\x01\xcb\x00\x71\x07", "\x01\xcb\x00\x71\x07", "\x01\xc6\x33\x64\x07", name("known.example"), name("other.example"), name("203.0.113.9"),
		"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x07", "\x04\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01",
		"\x01\x00\x00\x00\x00", "\x01\xa9\xfe\xa9\xfe", "\x02\x00\x00\x00\x00", name(""), name("known\n.example"),
		name(strings.Repeat("x", 64) + ".example"), name(strings.Repeat("y.", 127) + "y"), name("KNOWN.example."),
	}
	version := byte(5)
	if t.next(16) == 15 {
		version = 4
	}
	b := append([]byte{version, commands[t.next(len(commands))], byte(t.next(2))}, addresses[t.next(len(addresses))]...)
	return binary.BigEndian.AppendUint16(b, uint16(1000+100*i+t.next(2)))
}
