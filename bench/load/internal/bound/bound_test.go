package bound

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"
)

// TestJoinIsExact sends bytes each way at once and wants them whole, with an end.
func TestJoinIsExact(t *testing.T) {
	for name, join := range map[string]func(a, b net.Conn){"copy": copyBoth, "pooled": joiner()} {
		t.Run(name, func(t *testing.T) {
			app, near := pair(t)
			origin, far := pair(t)
			done := make(chan struct{})
			go func() { // ends when both ends have
				defer close(done)
				join(near, far)
			}()
			up, down := make(chan error, 1), make(chan error, 1)
			go func() { up <- exchange(app, origin) }()
			go func() { down <- exchange(origin, app) }()
			for _, way := range []chan error{up, down} {
				if err := <-way; err != nil {
					t.Error(err)
				}
			}
			<-done
		})
	}
}

// exchange sends bytes from one end and reads them at the other.
func exchange(from, to net.Conn) error {
	want := make([]byte, 4<<20)
	if _, err := rand.Read(want); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(want)
		if err == nil {
			err = from.(*net.TCPConn).CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(to)
	if err == nil && !bytes.Equal(got, want) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return <-sent
}

func pair(t *testing.T) (far, near net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{far, near} {
		c.SetDeadline(time.Now().Add(time.Minute))
		t.Cleanup(func() { c.Close() })
	}
	return far, near
}
