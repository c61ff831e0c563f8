package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/audit"
	"github.com/socksctl/socksctl/internal/files"
)

// What a reload is made for. A change of files that changes nothing that is in
// force passes in silence; who asked for a reload gets an answer.
const (
	bySignal = "SIGHUP"
	byFiles  = "file change"
	byAdmin  = "admin"
)

var errEnding = errors.New("the service is ending")

// part is one thing that a reload takes up.
type part struct {
	name    string   // as the log and socksctl reload have it
	files   []string // that are watched for it
	prepare func() (commit func(), err error)
}

// useCertificates has reloads of v take up certificates from files.
func (v *service) useCertificates(prepare func() (func(), error), paths ...string) {
	v.parts = append(v.parts, part{name: "certificates", files: named(paths...), prepare: prepare})
}

// reloader is the one path of all reloads: one at a time, everything validated
// first, then what is good taken up, then live sessions judged again.
type reloader struct {
	parts    []part          // prepared in this order
	unseen   []part          // beside them, when somebody asked: nothing tells that these changed
	restart  func() []string // keys of the configuration that only a restart takes up; nil: none
	rejudge  func() (ended int)
	reloaded func(audit.Reload)             // told of what a reload came to; nil: nobody is
	noted    func(at time.Time, whole bool) // told whether all is in force that the files say; nil: nobody is
	begun    func() (end func())            // called as one begins that somebody asked for
	explain  func(error) error              // says more of what went wrong; nil: nobody can
	log      *slog.Logger

	asked chan request
	ended chan struct{}     // closed when run has returned
	told  map[string]string // by part, of what is wrong
}

// request is somebody who waits for a reload.
type request struct {
	by     string
	answer chan<- reloaded // has room
}

type reloaded struct {
	admin.Result
	err error
}

// newReloader returns the reloader of v, for all that v has by now.
func newReloader(v *service) *reloader {
	r := &reloader{
		parts: v.parts, unseen: v.unseen, restart: v.restart, rejudge: v.Rejudge, reloaded: v.reloaded, log: v.log,
		begun: v.notifyReloading, explain: v.fence.explain,
		asked: make(chan request), ended: make(chan struct{}), told: make(map[string]string),
	}
	if v.metrics != nil {
		r.noted = v.metrics.Reloaded
	}
	return r
}

// run carries out reloads until ctx ends.
func (r *reloader) run(ctx context.Context, hangups <-chan os.Signal) error {
	defer close(r.ended)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			_, _ = r.once(bySignal) // it is in the log
		case first := <-r.asked:
			r.serve(first)
		}
	}
}

// serve carries out one reload for all who wait for one.
func (r *reloader) serve(first request) {
	all, by := append(r.others(), first), byFiles
	for _, one := range all {
		if one.by != byFiles {
			by = one.by
		}
	}
	result, err := r.once(by)
	for _, one := range all {
		one.answer <- reloaded{result, err}
	}
}

// others returns who waits beside the first.
func (r *reloader) others() (waiting []request) {
	for {
		select {
		case one := <-r.asked:
			waiting = append(waiting, one)
		default:
			return waiting
		}
	}
}

// ask has a reload made that begins after the call, and waits for its end.
func (r *reloader) ask(ctx context.Context, by string) (admin.Result, error) {
	answer := make(chan reloaded, 1)
	select {
	case r.asked <- request{by, answer}:
	case <-r.ended:
		return admin.Result{}, errEnding
	case <-ctx.Done():
		return admin.Result{}, ctx.Err()
	}
	select {
	case o := <-answer:
		return o.Result, o.err
	case <-ctx.Done():
		return admin.Result{}, ctx.Err()
	}
}

// watch asks for a reload whenever files change, until ctx ends.
func (r *reloader) watch(ctx context.Context) error {
	var paths []string
	for _, p := range r.parts {
		paths = append(paths, p.files...)
	}
	if len(paths) == 0 {
		return nil
	}
	err := files.Watch(ctx, r.log, paths, func() {
		_, _ = r.ask(ctx, byFiles) // it is in the log
	})
	if err != nil {
		r.log.Warn("files are not watched: after a change send SIGHUP or use socksctl reload", "err", err)
	}
	return nil
}

// once is a reload. What cannot be used stays as it was, and keeps nothing else
// from being taken up.
func (r *reloader) once(by string) (result admin.Result, err error) {
	var errs []error
	var commits []func()
	parts := r.parts
	if by != byFiles {
		parts = slices.Concat(r.parts, r.unseen)
		defer r.begun()()
	}
	for _, p := range parts {
		commit, err := p.prepare()
		if r.explain != nil {
			err = r.explain(err)
		}
		r.tell(by, p.name, err)
		errs = append(errs, err)
		if commit != nil {
			commits = append(commits, commit)
			result.Reloaded = append(result.Reloaded, p.name)
		}
	}
	for _, commit := range commits {
		commit()
	}
	if len(result.Reloaded) > 0 {
		result.Ended = r.rejudge()
	}
	if r.restart != nil {
		result.Restart = r.restart()
	}
	err = errors.Join(errs...)
	if r.noted != nil {
		r.noted(time.Now(), r.whole())
	}
	r.report(by, result, err)
	r.audit(by, result, err)
	return result, err
}

// tell logs what is wrong with a part: once, not at every event in the
// directory of its files.
func (r *reloader) tell(by, name string, err error) {
	if err == nil {
		delete(r.told, name)
		return
	}
	if by != byFiles || r.told[name] != err.Error() {
		r.log.Error("reload: kept what was in force", "what", name, "err", err)
	}
	r.told[name] = err.Error()
}

// whole tells whether nothing is wrong with any part, of those too that the last
// reload left out.
func (r *reloader) whole() bool {
	for name := range r.told {
		if name != restart {
			return false
		}
	}
	return true
}

// restart is what told has the keys under that wait for one.
const restart = "restart"

// report logs what a reload did.
func (r *reloader) report(by string, result admin.Result, err error) {
	keys := strings.Join(result.Restart, ", ")
	if keys != "" && (by != byFiles || r.told[restart] != keys) {
		r.log.Warn("reload: a restart takes these up, and nothing else does", "keys", keys)
	}
	r.told[restart] = keys
	changed := strings.Join(result.Reloaded, ", ")
	if changed == "" && (by == byFiles || err != nil) {
		return
	}
	if changed == "" {
		changed = "nothing"
	}
	r.log.Info("reloaded", "by", by, "changed", changed, "ended", result.Ended)
}
