package history

import "time"

// TakeSample is what Run does every two seconds.
func TakeSample(l *Live, now time.Time) { l.sample(now) }
