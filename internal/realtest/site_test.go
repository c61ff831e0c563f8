//go:build linux

package realtest_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// site is a web server with a page of 30 pictures, each of one point.
type site struct {
	port string

	mu    sync.Mutex
	asked map[string]bool // pictures, since somebody last wanted to know
}

func newSite(t *testing.T) *site {
	t.Helper()
	var page strings.Builder
	page.WriteString("<!DOCTYPE html><title>pictures</title>")
	for i := range 30 {
		fmt.Fprintf(&page, "<img src=%d.png>", i)
	}
	var point bytes.Buffer
	if err := png.Encode(&point, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	s := &site{asked: make(map[string]bool)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(page.String())) // the browser tells what it lacks
		case strings.HasSuffix(r.URL.Path, ".png"):
			s.mu.Lock()
			s.asked[r.URL.Path] = true
			s.mu.Unlock()
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(point.Bytes())
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	_, s.port = splitHostPort(t, web.Listener.Addr().String())
	return s
}

// served wants so many pictures to have been asked for, and forgets them.
func (s *site) served(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := len(s.asked); got != want {
		t.Errorf("%d pictures were asked for, want %d", got, want)
	}
	clear(s.asked)
}
