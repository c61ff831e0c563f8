package server_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// What follows is what docs/conformance.md says of one conversation, for the
// servers of FuzzAdmission. It knows nothing of their code.

// station is how a server is configured.
type station struct {
	secure  string // TLS, and what it does with client certificates: "none", "request", "require"; or "": no TLS
	ways    string // to log in: "open", "users", "certificate", "either"
	rule    string // "", "alice may", "alice may not"
	noRelay bool   // BIND and UDP are switched off
}

// users are the accounts of a station that has some.
func users() map[string]string { return map[string]string{"alice": "right", "bob": "other"} }

// verdict is what has to become of a conversation.
type verdict struct {
	said     string // by the server, to the end
	user     string // as whom the client was admitted
	admitted bool   // its request was allowed
	port     uint16 // of the request, if it was allowed
	asked    bool   // the outbound was
	tunnel   bool   // and it opened one
	unsure   bool   // a name that only the rules can tell from an address: said is open from there on
}

// script is what a client sends, and reads ahead in it.
type script []byte

// take returns the next n bytes, and nil when they do not come.
func (s *script) take(n int) []byte {
	if len(*s) < n {
		*s = nil
		return nil
	}
	taken := (*s)[:n:n]
	*s = (*s)[n:]
	return taken
}

// field returns what stands behind its length.
func (s *script) field() ([]byte, bool) {
	n := s.take(1)
	if n == nil {
		return nil, false
	}
	b := s.take(int(n[0]))
	return b, len(b) == int(n[0])
}

// verdict returns what has to become of a client that shows a certificate of
// carol's or none, sends all of in, and then ends its side.
func (st station) verdict(certified bool, in []byte) (v verdict) {
	s := script(in)
	if st.secure == "require" && !certified {
		return v // 69
	}
	if version := s.take(1); version == nil || version[0] != 5 {
		return v // 8
	}
	offered, whole := s.field()
	if !whole {
		return v
	}
	none := st.ways == "open" || certified && st.ways != "users"
	password := st.ways == "users" || st.ways == "either"
	switch { // 1 to 7
	case none && slices.Contains(offered, 0):
		v.said = "\x05\x00"
		if certified && st.ways != "open" {
			v.user = "carol"
		}
	case password && slices.Contains(offered, 2):
		v.said = "\x05\x02"
		if !v.login(&s) {
			return v
		}
	default:
		v.said = "\x05\xff"
		return v
	}
	st.request(&v, &s)
	return v
}

// login reads a name and password (10 to 15), and tells whether they are right.
func (v *verdict) login(s *script) bool {
	version := s.take(1)
	if version == nil {
		return false
	}
	if version[0] != 1 {
		v.said += "\x01\x01"
		return false
	}
	name, whole := s.field()
	password, too := s.field()
	if !whole || !too {
		return false
	}
	if want, known := users()[string(name)]; !known || want != string(password) {
		v.said += "\x01\x01"
		return false
	}
	v.user = string(name)
	v.said += "\x01\x00"
	return true
}

// request reads the request and answers it (21 to 43).
func (st station) request(v *verdict, s *script) {
	refuse := func(rep byte) { v.said += string([]byte{5, rep, 0, 1, 0, 0, 0, 0, 0, 0}) }
	version := s.take(1)
	if version == nil {
		return
	}
	if version[0] != 5 {
		refuse(1)
		return
	}
	head := s.take(3)
	if head == nil {
		return
	}
	command, known := head[0], bytes.IndexByte([]byte{1, 2, 3, 5, 0xF3}, head[0]) >= 0
	to, ok := s.target(head[2])
	switch relay := command == 1 || command == 2; {
	case !ok && to.unknown && known:
		refuse(8)
	case !ok && to.unknown:
		refuse(7)
	case !ok: // 29
	case !known, st.noRelay && command != 1:
		refuse(7)
	case relay && !to.possible():
		refuse(4)
	case command == 1 && to.ip.IsValid() && to.ip.IsUnspecified():
		refuse(2)
	case relay && st.rule != "" && to.odd():
		v.unsure = true
	case !st.allows(v.user, command, to):
		refuse(2)
	default:
		v.admitted, v.asked, v.port = true, true, to.port
		if v.tunnel = command == 1 && to.port%2 == 0; !v.tunnel {
			refuse(5)
			return
		}
		v.said += "\x05\x00\x00\x01\xc0\x00\x02\x01" + string(binary.BigEndian.AppendUint16(nil, to.port)) + string(*s)
	}
}

// destination is where a request is to go.
type destination struct {
	unknown bool // its type is
	name    string
	ip      netip.Addr
	port    uint16
}

// target reads an address of a type.
func (s *script) target(kind byte) (to destination, ok bool) {
	var host []byte
	switch ok = true; kind {
	case 1:
		host = s.take(4)
	case 4:
		host = s.take(16)
	case 3:
		host, ok = s.field()
	default:
		to.unknown = true
		return to, false
	}
	port := s.take(2)
	if host == nil && kind != 3 || !ok || port == nil {
		return to, false
	}
	to.port = binary.BigEndian.Uint16(port)
	if kind != 3 {
		to.ip, _ = netip.AddrFromSlice(host)
		to.ip = to.ip.Unmap() // 35
		return to, true
	}
	to.name = string(host)
	if ip, err := netip.ParseAddr(strings.Trim(to.name, "[]")); err == nil && ip.Zone() == "" { // 20
		to.name, to.ip = "", ip.Unmap()
	}
	return to, true
}

// possible tells a name that can be one (22, 23).
func (d destination) possible() bool {
	name := strings.TrimSuffix(d.name, ".")
	return d.ip.IsValid() || len(name) <= 253 && regexp.MustCompile(`^([^.\x00-\x20\x7f:%\[\]/]{1,63}\.)*[^.\x00-\x20\x7f:%\[\]/]{1,63}$`).MatchString(name)
}

// odd tells names that may be another spelling of something, and addresses that
// may lead to another.
func (d destination) odd() bool {
	if d.ip.IsValid() {
		return d.ip.Is6() && !netip.MustParsePrefix("2001:db8::/32").Contains(d.ip)
	}
	return !regexp.MustCompile(`^[a-z-]+(\.[a-z-]+)*$`).MatchString(d.name)
}

// allows is what the rules say: alice may, or may not, go to 203.0.113.0/24 and
// to known.example. Where she may, all else is blocked; where she may not, all
// else is allowed but for the address of a metadata service. Of UDP, and of BIND
// for anyone, it is the datagrams and the peer that are judged; they are refused
// where none could be allowed.
func (st station) allows(user string, command byte, to destination) bool {
	listed := to.name == "known.example" || netip.MustParsePrefix("203.0.113.0/24").Contains(to.ip)
	nowhere := command != 1 && (command != 2 || to.ip.IsValid() && to.ip.IsUnspecified())
	switch {
	case st.rule == "":
		return true
	case nowhere:
		return st.rule == "alice may not" || user == "alice"
	case st.rule == "alice may": // a name of hers may yet have an address that is listed
		return user == "alice" && (listed || to.name != "")
	}
	return (user != "alice" || !listed) && to.ip != netip.MustParseAddr("169.254.169.254")
}
