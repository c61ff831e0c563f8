package owner

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

var (
	client = netip.MustParseAddrPort("127.0.0.1:4711")
	server = netip.MustParseAddrPort("127.0.0.1:1080")
)

// asked is a question about the client of a server.
func asked(protocol byte) question {
	return question{protocol: protocol, src: client, dst: server, device: loopback, seq: 7}
}

// reply is the system's answer to q about a socket of uid 1000.
func reply(q question) []byte {
	q.protocol = unix.IPPROTO_TCP // the socket's own address is the first in all answers
	b := q.message()
	b = append(b[:headerSize], append([]byte{unix.AF_INET, unix.BPF_TCP_ESTABLISHED, 0, 0}, b[headerSize+8:]...)...)
	b = append(b, make([]byte, 12)...)
	b = binary.NativeEndian.AppendUint32(b, 1000)
	b = binary.NativeEndian.AppendUint32(b, 42) // inode
	b = append(b, "some attributes"...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// failure is the system's answer to q that is an error.
func failure(q question, errno unix.Errno) []byte {
	b := q.message()
	binary.NativeEndian.PutUint16(b[4:], unix.NLMSG_ERROR)
	b = append(b[:headerSize], binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

func TestReadAnswer(t *testing.T) {
	q := asked(unix.IPPROTO_TCP)
	got, err := q.read(reply(q))
	want := answer{state: unix.BPF_TCP_ESTABLISHED, src: client, dst: server, uid: 1000, inode: 42}
	if err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
	changed := func(at int, value byte) []byte {
		b := reply(q)
		b[at] = value
		return b
	}
	other := q
	other.seq++
	for name, c := range map[string]struct {
		message []byte
		want    error
	}{
		"nothing":               {nil, errMalformed},
		"half a header":         {reply(q)[:9], errMalformed},
		"cut":                   {reply(q)[:answerSize], errMalformed},
		"too short":             {append([]byte{headerSize + 4, 0, 0, 0}, reply(q)[4:]...), errMalformed},
		"length 0":              {append([]byte{0, 0, 0, 0}, reply(q)[4:]...), errMalformed},
		"another sequence":      {reply(other), errMalformed},
		"another type":          {changed(4, unix.NLMSG_NOOP), errMalformed},
		"another source port":   {changed(headerSize+4, 1), errMalformed},
		"another port":          {changed(headerSize+6, 1), errMalformed},
		"another source":        {changed(headerSize+8, 10), errMalformed},
		"another address":       {changed(headerSize+24, 10), errMalformed},
		"another family":        {changed(headerSize, unix.AF_INET6), errMalformed},
		"no socket":             {failure(q, unix.ENOENT), ErrElsewhere},
		"denied":                {failure(q, unix.EACCES), unix.EACCES},
		"no error":              {failure(q, 0), errMalformed},
		"half an error":         {failure(q, unix.ENOENT)[:headerSize+2], errMalformed},
		"error of another":      {failure(other, unix.ENOENT), errMalformed},
		"one that cannot be":    {append([]byte{255, 255, 255, 255}, reply(q)[4:]...), errMalformed},
		"nothing but a header":  {append([]byte{headerSize, 0, 0, 0}, reply(q)[4:headerSize]...), errMalformed},
		"an error of no length": {append([]byte{headerSize, 0, 0, 0}, failure(q, unix.ENOENT)[4:]...), errMalformed},
	} {
		if _, err := q.read(c.message); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// What an unconnected socket for UDP has in place of addresses is not asked for.
func TestReadAnswerOfUDP(t *testing.T) {
	q := asked(unix.IPPROTO_UDP)
	anywhere, nowhere := netip.AddrPortFrom(netip.IPv4Unspecified(), client.Port()), netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	other := netip.MustParseAddrPort("127.0.0.2:4711")
	for _, c := range []struct {
		src, dst netip.AddrPort
		fits     bool
	}{
		{client, server, true}, {anywhere, server, true}, {client, nowhere, true}, {anywhere, nowhere, true},
		{other, server, false}, {client, other, false}, {client, anywhere, false},
		{nowhere, nowhere, false}, {server, client, false},
	} {
		about := q
		about.src, about.dst = c.src, c.dst
		a, err := q.read(reply(about))
		if (err == nil) != c.fits {
			t.Errorf("%v to %v: got %+v and %v, want it to fit: %t", c.src, c.dst, a, err, c.fits)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(reply(asked(unix.IPPROTO_TCP)))
	f.Add(failure(asked(unix.IPPROTO_TCP), unix.ENOENT))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			q := asked(protocol)
			a, err := q.read(b)
			if err == nil && (!q.fits(a) || binary.NativeEndian.Uint32(b[8:]) != q.seq) {
				t.Errorf("took % x for an answer to %+v", b, q)
			}
		}
	})
}

func TestOwnerOfStates(t *testing.T) {
	has := map[byte]bool{
		unix.BPF_TCP_ESTABLISHED: true, unix.BPF_TCP_CLOSE_WAIT: true,
		unix.BPF_TCP_FIN_WAIT1: true, unix.BPF_TCP_FIN_WAIT2: true,
	}
	for state := range byte(unix.BPF_TCP_MAX_STATES) {
		a := answer{state: state, uid: 1000, inode: 1}
		uid, err := asked(unix.IPPROTO_TCP).owner(a)
		if has[state] != (err == nil && uid == 1000) {
			t.Errorf("TCP, state %d: got uid %d and %v", state, uid, err)
		}
		if uid, err := asked(unix.IPPROTO_UDP).owner(a); err != nil || uid != 1000 {
			t.Errorf("UDP, state %d: got uid %d and %v", state, uid, err)
		}
		a.inode = 0
		for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			if _, err := asked(protocol).owner(a); err == nil {
				t.Errorf("state %d without a process: got no error", state)
			}
		}
	}
}

// The system answers with a listener where there is no such connection.
func TestListenerIsNoClient(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := addrPort(l.Addr()).Port()
	for _, src := range []string{"127.0.0.1", "203.0.113.5"} {
		q := asked(unix.IPPROTO_TCP)
		q.src = netip.AddrPortFrom(netip.MustParseAddr(src), port)
		if uid, err := ask(q); !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: got uid %d and %v, want %v", src, uid, err, ErrElsewhere)
		}
	}
}

// A connection that ended is remembered for a minute, by nobody.
func TestTimeWaitHasNoOwner(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, accepted) // until the client's FIN is here
	accepted.Close()
	io.Copy(io.Discard, c)
	c.Close()
	q := asked(unix.IPPROTO_TCP)
	q.src, q.dst = addrPort(c.LocalAddr()), addrPort(c.RemoteAddr())
	if uid, err := ask(q); !errors.Is(err, errOrphan) {
		t.Errorf("got uid %d and %v, want %v", uid, err, errOrphan)
	}
}
