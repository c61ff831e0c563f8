//go:build linux

package realtest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// browser is a Chromium with one page, driven by the DevTools protocol on pipes.
type browser struct {
	to      *os.File
	session string
	replies chan reply

	mu   sync.Mutex
	last int      // id of the last command
	said []string // what the page has logged, violations of its policy included
}

// reply is what the browser says of a command.
type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// event is what it says by itself.
type event struct {
	Method string `json:"method"`
	Params struct {
		Entry struct {
			Source string `json:"source"`
			Text   string `json:"text"`
		} `json:"entry"`
		Exception struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	} `json:"params"`
}

// newBrowser starts a browser, with these flags, that runs until the test ends.
func newBrowser(t *testing.T, flags ...string) *browser {
	t.Helper()
	toRead, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(program(t, "chromium", "chromium"), append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+dir, "--remote-debugging-pipe")...)
	cmd.ExtraFiles = []*os.File{toRead, toWrite} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toRead.Close()
	toWrite.Close()
	b := &browser{to: to, replies: make(chan reply, 100)}
	done := make(chan struct{})
	go func() { // ends with the browser
		defer close(done)
		b.listen(from)
	}()
	t.Cleanup(func() {
		b.session = ""
		b.call(t, "Browser.close", nil, nil)
		_ = cmd.Wait() // it has no status of its own
		<-done
		to.Close()
		from.Close()
	})
	b.open(t)
	return b
}

// listen takes what the browser says, each with a zero byte behind it.
func (b *browser) listen(from *os.File) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 64<<20)
	lines.Split(func(data []byte, _ bool) (int, []byte, error) {
		if at := bytes.IndexByte(data, 0); at >= 0 {
			return at + 1, data[:at], nil
		}
		return 0, nil, nil
	})
	for lines.Scan() {
		var a reply
		if json.Unmarshal(lines.Bytes(), &a) == nil && a.ID > 0 {
			b.replies <- a
			continue
		}
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			b.hear(e)
		}
	}
}

// hear notes what the page logs. That something was refused over HTTP is for the
// test to know.
func (b *browser) hear(e event) {
	var text string
	switch {
	case e.Method == "Log.entryAdded" && e.Params.Entry.Source != "network":
		text = e.Params.Entry.Source + ": " + e.Params.Entry.Text
	case e.Method == "Runtime.exceptionThrown":
		text = "exception: " + e.Params.Exception.Text
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, text)
}

// log returns what the page has logged so far.
func (b *browser) log() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.said...)
}

// open opens the page.
func (b *browser) open(t *testing.T) {
	t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(t, domain+".enable", nil, nil)
	}
}

// call gives the browser a command, and takes its result.
func (b *browser) call(t *testing.T, method string, params map[string]any, result any) {
	t.Helper()
	if err := b.try(method, params, result); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

func (b *browser) try(method string, params map[string]any, result any) error {
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return err
	}
	limit := time.After(startLimit)
	for {
		select {
		case a := <-b.replies:
			switch {
			case a.ID != b.last: // of one that was given up
				continue
			case a.Error != nil:
				return errors.New(a.Error.Message)
			case result != nil:
				return json.Unmarshal(a.Result, result)
			}
			return nil
		case <-limit:
			return errors.New("no answer")
		}
	}
}

// evaluate returns what a JavaScript expression comes to on the page, awaited.
func (b *browser) evaluate(expression string) (value any, err error) {
	var outcome struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err = b.try("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &outcome)
	if err == nil && outcome.Exception != nil {
		err = errors.New(outcome.Exception.Text)
	}
	return outcome.Result.Value, err
}

// is wants an expression to be true now.
func (b *browser) is(t *testing.T, expression string) {
	t.Helper()
	if value, err := b.evaluate(expression); value != true || err != nil {
		t.Errorf("%s: got %v, %v", expression, value, err)
	}
}

// await waits until an expression is true, also on the page after this one.
func (b *browser) await(t *testing.T, expression string) {
	t.Helper()
	wait := fmt.Sprintf("new Promise(done => { const look = () => (%s) ? done(true) : setTimeout(look, 20); look(); })", expression)
	var err error
	for end := time.Now().Add(startLimit); time.Now().Before(end); {
		var value any
		if value, err = b.evaluate(wait); value == true {
			return
		}
	}
	text, _ := b.evaluate("document.documentElement.outerHTML")
	t.Fatalf("%s does not come true: %v\n%v", expression, err, text)
}

// visit goes to a page and waits until it is there.
func (b *browser) visit(t *testing.T, url string) {
	t.Helper()
	b.call(t, "Page.navigate", map[string]any{"url": url}, nil)
	b.await(t, `location.href === "`+url+`" && document.readyState === "complete"`)
}
