package history

import (
	"slices"
	"testing"
)

// What is added comes out once and in order, however it is taken, and nothing of it
// is held after that.
func TestPile(t *testing.T) {
	for _, most := range []int{1, 7, smallPiece, batch, 1 << 20} {
		var p pile
		var want, got []uint64
		add := func(n int) {
			for range n {
				id := uint64(len(want))
				want = append(want, id)
				p.add(&Record{ID: id})
			}
		}
		take := func(n int) {
			for ; n > 0 && p.count > 0; n-- {
				some := p.first(most)
				add(1) // others come while these are written
				for _, r := range some {
					got = append(got, r.ID)
				}
				p.drop(len(some))
			}
		}
		add(1)
		take(1)
		add(3 * batch)
		take(2)
		add(1)
		if some := p.first(0); len(some) != 0 {
			t.Errorf("%d at a time: got %d records, want none", most, len(some))
		}
		for p.count > 0 {
			some := p.first(most)
			for _, r := range some {
				got = append(got, r.ID)
			}
			p.drop(len(some))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d at a time: got %d records, want %d, or they are in another order", most, len(got), len(want))
		}
		if p.pieces != nil {
			t.Errorf("%d at a time: the empty pile holds %d pieces", most, len(p.pieces))
		}
	}
}

// What is added stays where it is: what was taken is read while more comes.
func TestPileMovesNothing(t *testing.T) {
	var p pile
	p.add(&Record{ID: 1})
	oldest := &p.first(1)[0]
	for id := range uint64(3 * batch) {
		p.add(&Record{ID: id})
	}
	if &p.first(1)[0] != oldest {
		t.Error("the oldest record has moved")
	}
}
