package files

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	quiet    = 100 * time.Millisecond // without an event, before files are taken to be complete
	patience = time.Second            // with events all the time
)

// Watch calls changed whenever something happened in a directory of one of the
// files, until ctx ends; then it returns nil. It watches directories because
// files are replaced by renames and, in Kubernetes, by the swap of a symbolic
// link beside them. Whether a file differs is for changed to find out. The first
// call comes at once, when the watch stands: so nothing is missed before it.
func Watch(ctx context.Context, log *slog.Logger, paths []string, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch files: %w", err)
	}
	defer w.Close()
	if err := watchDirs(w, paths); err != nil {
		return err
	}
	for {
		changed()
		// What a link leads to may be in another directory by now.
		if err := watchDirs(w, paths); err != nil {
			log.Warn("watch files", "err", err)
		}
		if !settled(ctx, w, log) {
			return nil
		}
	}
}

// watchDirs adds the directory of each path, and of what it links to. One that
// is watched already is not added twice.
func watchDirs(w *fsnotify.Watcher, paths []string) error {
	for _, path := range paths {
		if err := w.Add(filepath.Dir(path)); err != nil {
			return fmt.Errorf("watch %s: %w", filepath.Dir(path), err)
		}
		if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
			_ = w.Add(filepath.Dir(target)) // it may be gone again, and the link's own directory tells
		}
	}
	return nil
}

// settled waits for an event, and then until no more come. It returns false when
// ctx ended.
func settled(ctx context.Context, w *fsnotify.Watcher, log *slog.Logger) bool {
	var timer <-chan time.Time
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer:
			return true
		case err := <-w.Errors: // an overflow of the queue: some event was lost
			log.Warn("watch files", "err", err)
		case event := <-w.Events:
			if event.Op == fsnotify.Chmod {
				continue
			}
		}
		if first.IsZero() {
			first = time.Now()
		}
		timer = time.After(min(quiet, max(0, patience-time.Since(first))))
	}
}
