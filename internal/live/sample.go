package live

import "time"

// Samples are taken of all traffic, for the last five minutes.
const (
	sampleEvery = 2 * time.Second
	sampleCount = 150

	// SampleSpan is how far back they go.
	SampleSpan = sampleCount * sampleEvery
)

// Sample is how much passed in the time up to At.
type Sample struct {
	At       time.Time
	Up, Down int64 // bytes a second
	Sessions int   // that ran then
}

// samples is a ring of them. Table.mu guards it.
type samples struct {
	ring  [sampleCount]Sample
	next  int
	total traffic   // at the last sample
	at    time.Time // of that; zero: there was none
}

// sample takes one sample, of each session and of all together.
func (t *Table) sample(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := now.Sub(t.samples.at)
	first := t.samples.at.IsZero()
	if !first && took <= 0 {
		return
	}
	total := t.ended
	for _, e := range t.sessions {
		current := trafficOf(e.Session)
		total.add(current)
		e.rate = current.perSecond(e.last, min(took, max(now.Sub(e.Start), time.Millisecond)))
		e.last = current
	}
	if !first {
		rate := total.perSecond(t.samples.total, took)
		t.samples.add(Sample{At: now, Up: rate.up, Down: rate.down, Sessions: len(t.sessions)})
	}
	t.samples.total, t.samples.at = total, now
}

func (s *samples) add(one Sample) {
	s.ring[s.next] = one
	s.next = (s.next + 1) % sampleCount
}

// Samples returns the samples of the last minutes, the oldest first.
func (t *Table) Samples() []Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Sample, 0, sampleCount)
	for i := range sampleCount {
		if one := t.samples.ring[(t.samples.next+i)%sampleCount]; !one.At.IsZero() {
			all = append(all, one)
		}
	}
	return all
}
