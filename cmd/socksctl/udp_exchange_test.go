package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestUDPSendAnswers holds how long udp-send waits, and what it makes of
// answers that do not come. The far end answers what begins with "y".
func TestUDPSendAnswers(t *testing.T) {
	for _, test := range []struct {
		name, in   string
		out        []string // what each line ends with
		talk, fail string
	}{
		{"all", "y1\ny2\n", []string{" y1", " y2"}, "", ""},
		{"some", "y1\nn1\nn2\n", []string{" y1"}, "3 sent, 1 answered", ""},
		{"none", "n1\n", nil, "", "no answer from"},
		{"nothing sent", "", nil, "", ""},
		{"control characters", "y\x1b[31m\n", []string{` "y\x1b[31m"`}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			timeout := scriptLimit
			if strings.Contains(test.in, "n") {
				timeout = 300 * time.Millisecond
			}
			x := newExchange(t, timeout)
			var out, talk bytes.Buffer
			x.print = answerPrinter(&out, false)
			err := x.run(streams{err: &talk}, lines(strings.NewReader(test.in)))
			if got := errorText(err); !strings.HasPrefix(got, test.fail) || (test.fail == "") != (err == nil) {
				t.Errorf("error: got %q, want %q", got, test.fail)
			}
			if !strings.Contains(talk.String(), test.talk) || (test.talk == "") != (talk.Len() == 0) {
				t.Errorf("talk: got %q, want %q", talk.String(), test.talk)
			}
			got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if out.Len() == 0 {
				got = nil
			}
			if len(got) != len(test.out) {
				t.Fatalf("got %q, want lines that end with %q", got, test.out)
			}
			for i, line := range got {
				if !strings.HasSuffix(line, test.out[i]) {
					t.Errorf("got %q, want an end of %q", line, test.out[i])
				}
			}
		})
	}
}

// TestUDPSendTellsWhyItStops holds a failure of the input to end the wait.
func TestUDPSendTellsWhyItStops(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		in   io.Reader
		want string
	}{
		{"input", io.MultiReader(strings.NewReader("n1\n"), iotest.ErrReader(broken)), "broken"},
		{"length", strings.NewReader(strings.Repeat("n", maxPayload+1)), "65498 bytes is too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(t, scriptLimit)
			x.print = answerPrinter(io.Discard, false)
			if err := x.run(streams{err: io.Discard}, lines(test.in)); !strings.Contains(errorText(err), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestUDPSendJSON holds data to be text where it is text, and base64 elsewhere.
func TestUDPSendJSON(t *testing.T) {
	var out bytes.Buffer
	printJSON := answerPrinter(&out, true)
	for _, data := range []string{"text", "", "\xff\x00"} {
		if err := printJSON(answer{"192.0.2.1:7", 1500 * time.Microsecond, []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"from":"192.0.2.1:7","ms":1.5,"bytes":4,"data":"text"}
{"from":"192.0.2.1:7","ms":1.5,"bytes":0,"data":""}
{"from":"192.0.2.1:7","ms":1.5,"bytes":2,"base64":"/wA="}
`
	if got := out.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// newExchange returns an exchange with a far end on loopback.
func newExchange(t *testing.T, timeout time.Duration) *exchange {
	t.Helper()
	var ends [2]net.PacketConn
	for i := range ends {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = pc
	}
	answered := make(chan struct{})
	go func() { // ends when the far end is closed
		defer close(answered)
		buf := make([]byte, 64<<10)
		for {
			n, from, err := ends[1].ReadFrom(buf)
			if err != nil {
				return
			}
			if bytes.HasPrefix(buf[:n], []byte("y")) {
				_, _ = ends[1].WriteTo(buf[:n], from) // the test misses it
			}
		}
	}()
	t.Cleanup(func() {
		ends[0].Close()
		ends[1].Close()
		<-answered
	})
	return &exchange{pc: ends[0], to: ends[1].LocalAddr(), timeout: timeout, progress: new(progress)}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
