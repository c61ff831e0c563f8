package history

// Pieces of a pile hold as many records.
const (
	smallPiece = 16
	largePiece = batch
)

// pile is records that wait, the oldest first. It is in pieces, so that none is moved
// when more come: what a slice leaves behind as it grows would be most of the garbage
// of a busy server. The first is made for somewhat more than there were the last time,
// and each of the others is twice as long as the one before.
type pile struct {
	pieces [][]Record // none is empty
	count  int
	added  int // since the first piece was made
}

func (p *pile) add(r Record) {
	last := len(p.pieces) - 1
	if last < 0 {
		p.begin(p.added + p.added/4)
		p.added = 0
	} else if full := p.pieces[last]; len(full) == cap(full) {
		p.begin(2 * len(full))
	}
	last = len(p.pieces) - 1
	p.pieces[last] = append(p.pieces[last], r)
	p.count++
	p.added++
}

// begin adds a piece for so many records, within bounds.
func (p *pile) begin(size int) {
	p.pieces = append(p.pieces, make([]Record, 0, min(max(size, smallPiece), largePiece)))
}

// first returns some of the oldest records, and none only when there is none. They
// stay as they are until they are dropped.
func (p *pile) first(most int) []Record {
	if p.count == 0 {
		return nil
	}
	oldest := p.pieces[0]
	return oldest[:min(most, len(oldest))]
}

// drop takes out the first n records, which first returned. What is empty then is
// given back.
func (p *pile) drop(n int) {
	if n == 0 {
		return
	}
	p.count -= n
	clear(p.pieces[0][:n])
	if p.pieces[0] = p.pieces[0][n:]; len(p.pieces[0]) == 0 {
		p.pieces[0] = nil
		p.pieces = p.pieces[1:]
	}
	if p.count == 0 {
		p.pieces = nil
	}
}
