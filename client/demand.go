package client

import "time"

// burstTime is within how long connections are taken together: about what it
// takes to replace them on a slow way.
const burstTime = time.Second

// demand is how many warm connections are wanted: as many as were lately taken
// together, and some more, for the next time it may be more. Half of that is
// given up each time that so many were not needed for as long as one connection
// lives.
type demand struct {
	life  time.Duration // of a connection
	most  int           // wanted at all
	burst int           // taken since began
	began time.Time
	peak  int // the largest burst
	at    time.Time
}

// taken counts a request.
func (d *demand) taken(now time.Time) {
	if now.Sub(d.began) >= burstTime {
		d.burst, d.began = 0, now
	}
	d.burst = min(d.burst+1, d.most)
	if d.burst >= d.left(now) {
		d.peak, d.at = d.burst, now
	}
}

// left returns what is left of the largest burst. The first half is given up
// before the first connections have come of age: they are not all replaced.
func (d *demand) left(now time.Time) int {
	if d.peak == 0 {
		return 0
	}
	return d.peak >> min((now.Sub(d.at)+d.life/2)/d.life, 62)
}

// wanted returns how many connections to have.
func (d *demand) wanted(now time.Time) int {
	left := d.left(now)
	if left == 0 {
		return 0
	}
	return min(left+left/2+1, d.most)
}
