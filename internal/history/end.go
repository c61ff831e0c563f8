package history

import (
	"context"
	"fmt"
	"time"
)

// End is what is kept of a record that there was no room for, to close its row by:
// without targets and the text of the error.
type End struct {
	ID            uint64
	Status        Status
	Reason, Stage string
	Active, Time  time.Time
	Up, Down      int64
	DatagramsUp   int64
	DatagramsDown int64
}

// endOf returns the end of a record.
func endOf(r *Record) End {
	return End{
		ID: r.ID, Status: r.Status, Reason: r.Reason, Stage: r.Stage, Active: r.Active, Time: r.End,
		Up: r.Up, Down: r.Down, DatagramsUp: r.DatagramsUp, DatagramsDown: r.DatagramsDown,
	}
}

// Finish implements Writer.
func (t *tables) Finish(ctx context.Context, run Run, ends []End) (closed int64, err error) {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // none after a commit
	for i := range ends {
		e := &ends[i]
		q := query{dialect: t.dialect}
		q.add("UPDATE sessions SET status = ?, reason = ?, stage = ?, active = ?, finish = ?, up = ?, down = ?, bytes = ?, datagrams_up = ?, datagrams_down = ?",
			string(e.Status), e.Reason, e.Stage, t.stamp(e.Active), t.stamp(e.Time), e.Up, e.Down, e.Up+e.Down, e.DatagramsUp, e.DatagramsDown)
		q.add(", written = "+t.now+" WHERE run = ? AND id = ? AND status = 'open'", int64(run), int64(e.ID))
		result, err := tx.ExecContext(ctx, q.text.String(), q.args...)
		if err != nil {
			return 0, fmt.Errorf("history: %w", err)
		}
		n, _ := result.RowsAffected() // both drivers know
		closed += n
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	return closed, nil
}
