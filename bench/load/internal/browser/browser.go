// Package browser loads pages in Chromium and tells how long that takes.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/process"
)

// ErrMissing is about a machine without Chromium.
var ErrMissing = errors.New("no chromium")

// Browser is a Chromium that is driven by the DevTools protocol on pipes.
type Browser struct {
	process  *process.Process
	dir      string
	to, from *os.File
	heard    chan message // closed at the end of from
	last     int          // id of the last command
}

// Start starts one. The caller closes it.
func Start() (*Browser, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, ErrMissing
	}
	b := &Browser{heard: make(chan message, 1000)}
	if b.dir, err = os.MkdirTemp("", "chromium"); err != nil {
		return nil, err
	}
	if err := b.start(path); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	go b.listen() // ends with the browser
	return b, nil
}

func (b *Browser) start(path string) error {
	toRead, to, err := os.Pipe()
	if err != nil {
		return err
	}
	defer toRead.Close()
	from, toWrite, err := os.Pipe()
	if err != nil {
		to.Close()
		return err
	}
	defer toWrite.Close()
	b.to, b.from = to, from
	b.process, err = process.StartFiles([]*os.File{toRead, toWrite}, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+b.dir, "--remote-debugging-pipe")
	if err != nil {
		to.Close()
		from.Close()
	}
	return err
}

// Close ends it and removes what it kept.
func (b *Browser) Close() error {
	b.to.Close() // it ends when nobody drives it
	b.process.End()
	b.from.Close()
	return os.RemoveAll(b.dir)
}

// Load loads a page by way of a SOCKS proxy, with no connection and nothing in a
// cache beforehand. It returns the time from the start of the navigation until the
// page and all in it were there, and how many resources it had.
func (b *Browser) Load(ctx context.Context, proxy, url string) (took time.Duration, resources int, err error) {
	var made struct {
		BrowserContextID string `json:"browserContextId"`
		TargetID         string `json:"targetId"`
		SessionID        string `json:"sessionId"`
	}
	err = b.call(ctx, "", "Target.createBrowserContext", map[string]any{"proxyServer": "socks5://" + proxy, "proxyBypassList": "<-loopback>"}, &made)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		err = errors.Join(err, b.call(ctx, "", "Target.disposeBrowserContext", map[string]any{"browserContextId": made.BrowserContextID}, nil))
	}()
	if err := b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID}, &made); err != nil {
		return 0, 0, err
	}
	if err := b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made); err != nil {
		return 0, 0, err
	}
	return b.navigate(ctx, made.SessionID, url)
}

// timing is what the page says of itself.
const timing = `JSON.stringify([performance.getEntriesByType("navigation")[0].loadEventStart, performance.getEntriesByType("resource").length])`

func (b *Browser) navigate(ctx context.Context, session, url string) (time.Duration, int, error) {
	if err := b.call(ctx, session, "Page.enable", nil, nil); err != nil {
		return 0, 0, err
	}
	var gone struct {
		ErrorText string `json:"errorText"`
	}
	if err := b.call(ctx, session, "Page.navigate", map[string]any{"url": url}, &gone); err != nil || gone.ErrorText != "" {
		return 0, 0, errors.Join(err, fmt.Errorf("load %s: %s", url, gone.ErrorText))
	}
	if err := b.await(ctx, session, "Page.loadEventFired"); err != nil {
		return 0, 0, err
	}
	var said struct {
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
	}
	if err := b.call(ctx, session, "Runtime.evaluate", map[string]any{"expression": timing}, &said); err != nil {
		return 0, 0, err
	}
	var figures [2]float64
	if err := json.Unmarshal([]byte(said.Result.Value), &figures); err != nil {
		return 0, 0, fmt.Errorf("timing of the page: %w", err)
	}
	return time.Duration(figures[0] * float64(time.Millisecond)), int(figures[1]), nil
}
