package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/socksctl/socksctl/internal/config"
)

// writes is a writer that keeps what each write had.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(b))
	return len(b), nil
}

// lines returns the messages of each write.
func (w *writes) lines() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all {
		var messages []string
		for line := range strings.Lines(one) {
			_, rest, _ := strings.Cut(line, "msg=")
			messages = append(messages, strings.Fields(rest)[0])
		}
		all = append(all, strings.Join(messages, " "))
	}
	return all
}

func TestLinesOfSessionsAreWrittenTogether(t *testing.T) {
	w := new(writes)
	log, level := newLogger(w, config.Log{})
	sessions, flush := forSessions(log)
	g := log.Handler().(*batch).lines
	g.delay = 1 << 40 // so that nothing is written because of the time

	log.Info("first")
	sessions.Info("one")
	sessions.Info("two")
	log.With("a", 1).Info("second")
	sessions.Info("three")
	sessions.WithGroup("g").With("b", 2).Warn("refused")
	level.Set(slog.LevelWarn)
	sessions.Info("unwanted")
	level.Set(slog.LevelInfo)
	sessions.Info("last")
	if err := flush(); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(w.lines(), "\n")
	if want := "first\none two second\nthree refused\nlast"; got != want {
		t.Errorf("writes: got\n%s\nwant\n%s", got, want)
	}
}

func TestManyLinesAreWrittenWithoutWaiting(t *testing.T) {
	w := new(writes)
	g := &gatherer{w: w, delay: 1 << 40}
	line := bytes.Repeat([]byte("x"), 1000)
	for range lineRoom / len(line) {
		g.Write(line)
	}
	if len(w.all) != 0 {
		t.Errorf("got %d writes before there is too much", len(w.all))
	}
	g.Write(line)
	if len(w.all) != 1 {
		t.Errorf("got %d writes, want 1", len(w.all))
	}
}

func TestALineIsWrittenInTheEnd(t *testing.T) {
	written := make(notify, 1)
	g := &gatherer{w: written, delay: 1}
	for range 3 { // the timer serves more than once
		g.Write([]byte("x"))
		if got := <-written; got != "x" {
			t.Errorf("got %q", got)
		}
	}
}

// notify is a writer that tells of each write.
type notify chan string

func (n notify) Write(b []byte) (int, error) {
	n <- string(b)
	return len(b), nil
}
