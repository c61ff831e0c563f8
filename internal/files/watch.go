package files

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	quiet    = 100 * time.Millisecond // without an event, before files are taken to be complete
	patience = time.Second            // with events all the time
	maxLinks = 40                     // on the way to a file
)

// Watch calls changed whenever something happened to one of the files, or to what
// it is reached by, until ctx ends; then it returns nil. It watches directories
// because files are replaced by renames and by the swap of a symbolic link: beside
// them, as in Kubernetes, or further up, where releases are kept. Whether a file
// differs is for changed to find out. The first call comes at once, when the watch
// stands: so nothing is missed before it.
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
		names := namesOf(paths)
		changed()
		if !settled(ctx, w, names, log) {
			return nil
		}
		// What a link leads to may be in another directory by now. It is watched
		// before it is read, so that nothing is missed in between.
		if err := watchDirs(w, paths); err != nil {
			log.Warn("watch files", "err", err)
		}
	}
}

// watchDirs adds the directories that matter for each path. One that is watched
// already is not added twice.
func watchDirs(w *fsnotify.Watcher, paths []string) error {
	for _, path := range paths {
		if err := w.Add(filepath.Dir(path)); err != nil {
			return fmt.Errorf("watch %s: %w", filepath.Dir(path), err)
		}
		for _, entry := range linked(path, maxLinks) {
			_ = w.Add(filepath.Dir(entry)) // it may be gone again, and the link's own directory tells
		}
	}
	return nil
}

// names are the last elements of what matters, in whichever directory that is
// watched: one may be watched under two names, and events have one of them. What
// else lies beside a file, such as a database that is written all the time, is
// nothing to wake up for.
type names []string

func namesOf(paths []string) (all names) {
	for _, path := range paths {
		for _, entry := range append(linked(path, maxLinks), path) {
			all = append(all, filepath.Base(entry), filepath.Base(filepath.Dir(entry)))
		}
	}
	return all
}

// has tells whether an event of that name matters. Systems differ in whether the
// case of letters does.
func (n names) has(path string) bool {
	return slices.ContainsFunc(n, func(name string) bool { return strings.EqualFold(name, filepath.Base(path)) })
}

// Folders returns the directories that paths are in, and those that the symbolic
// links on the way to them lead to: where the files are, however they are replaced.
func Folders(paths ...string) (dirs []string) {
	for _, path := range paths {
		dirs = append(dirs, filepath.Dir(path))
		for _, entry := range linked(path, maxLinks) {
			dirs = append(dirs, filepath.Dir(entry))
		}
	}
	return dirs
}

// linked returns the symbolic links on the way to path and what they lead to: the
// swap of any changes what path is. It follows as many links as it is told.
func linked(path string, links int) (entries []string) {
	at, target := lastLink(path)
	if at == "" || links == 0 {
		return nil
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(at), target)
	}
	target = filepath.Join(target, path[len(at):])
	return append(linked(target, links-1), at, target)
}

// lastLink returns the longest beginning of path that is a symbolic link, and
// what is in it; "" when none is.
func lastLink(path string) (at, target string) {
	for at = path; ; at = filepath.Dir(at) {
		target, err := os.Readlink(at)
		if err == nil {
			return at, target
		}
		if at == filepath.Dir(at) {
			return "", ""
		}
	}
}

// settled waits for an event that matters, and then until no more come. It returns
// false when ctx ended.
func settled(ctx context.Context, w *fsnotify.Watcher, matter names, log *slog.Logger) bool {
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
			if event.Op == fsnotify.Chmod || !matter.has(event.Name) {
				continue
			}
		}
		if first.IsZero() {
			first = time.Now()
		}
		timer = time.After(min(quiet, max(0, patience-time.Since(first))))
	}
}
