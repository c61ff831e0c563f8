package live

import "time"

// TakeSample is what Run does every two seconds.
func TakeSample(t *Table, now time.Time) { t.sampler.sample(now) }
