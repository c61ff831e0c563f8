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
	ring [sampleCount]Sample
	next int
}

// sampler takes the samples of a table. Sessions that begin and end wait while it finds
// those that there are, and not while it looks at them.
type sampler struct {
	table   *Table
	entries []*entry  // those of the moment; empty between samples, to be used again
	total   traffic   // at the last sample
	at      time.Time // of that; zero: there was none
}

// sample takes one sample, of each session and of all together.
func (p *sampler) sample(now time.Time) {
	took := now.Sub(p.at)
	first := p.at.IsZero()
	if !first && took <= 0 {
		return
	}
	total := p.find()
	for _, e := range p.entries {
		current := trafficOf(e.Session)
		total.add(current)
		rate := current.perSecond(e.last, min(took, max(now.Sub(e.Start), time.Millisecond)))
		e.rateUp.Store(rate.up)
		e.rateDown.Store(rate.down)
		e.last = current
	}
	if !first {
		rate := total.perSecond(p.total, took)
		p.table.keep(Sample{At: now, Up: rate.up, Down: rate.down, Sessions: len(p.entries)})
	}
	p.total, p.at = total, now
	clear(p.entries)
	p.entries = p.entries[:0]
}

// find finds the sessions of the moment, and returns what those before them moved.
func (p *sampler) find() (ended traffic) {
	p.table.mu.Lock()
	defer p.table.mu.Unlock()
	p.entries = p.table.appendTo(p.entries)
	return p.table.ended
}

func (t *Table) keep(one Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples.add(one)
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
