package live

import "time"

// Sampler returns what Run does every two seconds.
func Sampler(t *Table) func(now time.Time) { return (&sampler{table: t}).sample }
