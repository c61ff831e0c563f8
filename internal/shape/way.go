package shape

import "context"

// Way is all that one direction of a session is held to, which it may share with
// others. It does not change. The zero value is no limit.
type Way struct {
	Bandwidths []*Bandwidth
	Datagrams  []*Datagrams
}

// Most returns how many bytes a stream is to ask for at once; 0 is no limit.
func (w Way) Most() int {
	most := 0
	for _, b := range w.Bandwidths {
		if n := b.Most(); n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most
}

// Wait returns nil once n bytes of a stream may pass all limits, and ctx's error
// if that ends first. It waits for one after the other.
func (w Way) Wait(ctx context.Context, n int) error {
	for _, b := range w.Bandwidths {
		if err := b.Wait(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// Allow reports whether a datagram of n bytes may pass all limits now. Only then
// is it counted: what one limit refuses takes nothing from those who share
// another. Calls at the same moment may pass together where there was room for
// one.
func (w Way) Allow(n int) bool {
	if len(w.Datagrams) == 0 && len(w.Bandwidths) == 1 {
		return w.Bandwidths[0].Allow(n) // needs one look at it
	}
	for _, d := range w.Datagrams {
		if !d.ready() {
			return false
		}
	}
	for _, b := range w.Bandwidths {
		if !b.ready(n) {
			return false
		}
	}
	for _, d := range w.Datagrams {
		d.Allow(1)
	}
	for _, b := range w.Bandwidths {
		b.count(n)
	}
	return true
}
