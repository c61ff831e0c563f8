package history

import (
	"context"
	"errors"
	"math"
	"time"
)

const (
	batch       = 1000             // records in one Write
	beginEvery  = time.Minute      // so that what was left open by a run that died since is closed
	expireEvery = time.Hour        // once nothing is left to delete
	heartbeat   = 10 * time.Minute // at which the row of an open session is written though nothing changed
	callTime    = 15 * time.Second // for one call of the store
	firstTime   = 10 * time.Minute // for the first Begin, which may have to rewrite what older versions wrote
	endTime     = 5 * time.Second  // for the last one
	maxPause    = 30 * time.Second // between attempts at a store that fails
)

// keeper is the goroutine of a Recorder: the only one that the store knows.
type keeper struct {
	*Recorder
	begin    time.Time // when Begin is due
	begun    bool      // it has succeeded once
	expire   time.Time // when Expire is
	pause    time.Duration
	poisoned bool // a record that the store does not take was told of
}

func newKeeper(r *Recorder) *keeper { return &keeper{Recorder: r} }

// run writes at each interval, until ctx ends, and then once more.
func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	for ctx.Err() == nil {
		wait := k.turn(ctx)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := k.work(last); err != nil {
		all, _ := k.waiting(0)
		last := all + len(k.lateEnds(math.MaxInt))
		if last == 0 {
			k.options.Log.Warn("history: cannot write at the end, when nothing is left to be written", "err", err)
			return
		}
		k.lose(last)
		k.options.Log.Error("history: ended without the last records", "lost", k.Dropped(), "err", err)
	}
}

// turn does what is due, and returns how long to wait for the next.
func (k *keeper) turn(ctx context.Context) time.Duration {
	due := time.Now().Add(k.options.Interval)
	err := k.work(ctx)
	if ctx.Err() != nil { // the end, and no fault of the store
		return 0
	}
	before := k.setFault(err)
	if errors.Is(before, errNotYet) {
		before = nil
	}
	switch {
	case err == nil && before == nil:
		return time.Until(due)
	case err == nil:
		k.options.Log.Info("history: writing again", "lost", k.Dropped())
		k.pause = 0
		return time.Until(due)
	case before == nil:
		k.options.Log.Warn("history: cannot write, and tries on", "err", err)
	}
	k.forget()
	k.begin = time.Time{}
	k.pause = min(max(2*k.pause, k.options.Interval), maxPause)
	return k.pause
}

// work is what there is to do with the store.
func (k *keeper) work(ctx context.Context) error {
	if !time.Now().Before(k.begin) {
		if err := k.beginRun(ctx); err != nil {
			return err
		}
	}
	if err := errors.Join(k.writeEnded(ctx), k.finishLate(ctx), k.writeOpen(ctx)); err != nil {
		return err
	}
	return k.expireOld(ctx)
}

// beginRun makes the store ready, at first and from time to time.
func (k *keeper) beginRun(ctx context.Context) error {
	limit := firstTime
	if k.begun {
		limit = callTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n, err := k.store.Begin(ctx, k.options.Node, k.Recorder.run)
	if err != nil {
		return err
	}
	k.begun = true
	if n > 0 {
		k.options.Log.Info("history: closed what ended without a word", "sessions", n)
	}
	k.begin = time.Now().Add(beginEvery)
	return nil
}

// writeEnded writes the records that wait at the moment, a batch at a time.
func (k *keeper) writeEnded(ctx context.Context) error {
	for left, _ := k.waiting(0); left > 0; {
		_, records := k.waiting(min(batch, left))
		if err := k.write(ctx, records); err != nil {
			return err
		}
		left -= len(records)
		k.written(records)
	}
	return nil
}

// finishLate closes the rows of those whose records there was no room for.
func (k *keeper) finishLate(ctx context.Context) error {
	for {
		ends := k.lateEnds(batch)
		if len(ends) == 0 {
			return nil
		}
		closed, err := k.finish(ctx, ends)
		if err != nil {
			return err
		}
		k.finished(len(ends), int64(len(ends))-closed)
	}
}

func (k *keeper) finish(ctx context.Context, ends []End) (closed int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return k.store.Finish(ctx, k.Recorder.run, ends)
}

// writeOpen writes the rows of open sessions that changed.
func (k *keeper) writeOpen(ctx context.Context) error {
	now := time.Now()
	all := k.changes(now)
	for len(all) > 0 {
		some := all[:min(batch, len(all))]
		all = all[len(some):]
		records := make([]Record, 0, len(some))
		for _, c := range some {
			records = append(records, k.record(c.Session, c.since))
		}
		if err := k.write(ctx, records); err != nil {
			return err
		}
		k.wrote(some, now)
	}
	return nil
}

// write writes records. Those that the store does not take are lost, and keep no
// other from being written.
func (k *keeper) write(ctx context.Context, records []Record) error {
	err := k.try(ctx, records)
	if !errors.Is(err, ErrRecord) {
		return err
	}
	for i := range records {
		err := k.try(ctx, records[i:i+1])
		switch {
		case err == nil:
		case !errors.Is(err, ErrRecord):
			return err
		default:
			k.tell(records[i].ID, err)
			k.leaveOut(&records[i])
		}
	}
	return nil
}

// leaveOut does without a record that the store does not take. Its row does not
// stay open.
func (k *keeper) leaveOut(r *Record) {
	if r.Status == Open {
		k.lose(1)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keepEnd(r)
}

func (k *keeper) try(ctx context.Context, records []Record) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return k.store.Write(ctx, records)
}

// tell logs the first record that the store does not take.
func (k *keeper) tell(id uint64, err error) {
	if !k.poisoned {
		k.options.Log.Error("history: a record is lost", "id", id, "err", err)
	}
	k.poisoned = true
}

// expireOld deletes what is too old, some at a time.
func (k *keeper) expireOld(ctx context.Context) error {
	now := time.Now()
	if k.options.Retention <= 0 || now.Before(k.expire) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	more, err := k.store.Expire(ctx, now.Add(-k.options.Retention))
	if err == nil && !more {
		k.expire = now.Add(expireEvery)
	}
	return err
}
