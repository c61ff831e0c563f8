package history_test

import (
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/history"
)

// What is the same in all records of a batch is written once for all of them: as it is,
// whatever signs it has.
func TestStoreKeepsWhatRecordsHaveInCommon(t *testing.T) {
	words := []string{"alice", "o'hara", "', ''); DROP TABLE sessions; --", `say "hi"`, `a\'b`, "?1 :a @b $c", "günther", ""}
	const many = 120 // more than one statement has
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		var records []history.Record
		for _, word := range words {
			for range many {
				r := full()
				r.ID, r.Start = uint64(len(records)), after(-time.Duration(len(records))*time.Second)
				r.Node, r.User, r.Host, r.Rule, r.Error = word, word, word, word, word
				r.Command, r.Targets = "connect", nil
				records = append(records, r)
			}
			store(t, s, records[len(records)-many:]...)
		}
		want(t, s, records...)
	})
}
