package history

// Pieces of a pile hold as many records.
const (
	smallPiece = 16
	largePiece = batch
)

// pile is records that wait, the oldest first. It is in pieces, so that none is moved
// when more come: what a slice leaves behind as it grows would be most of the garbage
// of a busy server. The first is made for somewhat more than there were the last time,
// and each of the others is twice as long as the one before. They are made ahead,
// without the lock that the pile is under.
type pile struct {
	pieces [][]Record // none is empty
	ahead  []Record   // the piece that comes next; nil: there is none yet
	count  int
	added  int // since the first piece was made
}

// add adds r. If a piece is to be made ahead, it returns the size.
func (p *pile) add(r *Record) (ahead int) {
	last := len(p.pieces) - 1
	if last < 0 {
		p.begin(p.firstSize())
		p.added = 0
	} else if full := p.pieces[last]; len(full) == cap(full) {
		p.begin(nextSize(full))
	}
	last = len(p.pieces) - 1
	p.pieces[last] = append(p.pieces[last], *r)
	p.count++
	p.added++
	if full := p.pieces[last]; len(full) == cap(full) && p.ahead == nil {
		return nextSize(full)
	}
	return 0
}

// begin adds the piece that was made ahead, or else one of size.
func (p *pile) begin(size int) {
	piece := p.ahead
	if p.ahead = nil; piece == nil {
		piece = make([]Record, 0, size)
	}
	p.pieces = append(p.pieces, piece)
}

func (p *pile) firstSize() int { return min(max(p.added+p.added/4, smallPiece), largePiece) }

func nextSize(full []Record) int { return min(2*len(full), largePiece) }

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
// given back. If a piece is to be made ahead, it returns the size.
func (p *pile) drop(n int) (ahead int) {
	if n == 0 {
		return 0
	}
	p.count -= n
	if p.pieces[0] = p.pieces[0][n:]; len(p.pieces[0]) == 0 {
		p.pieces[0] = nil
		p.pieces = p.pieces[1:]
	}
	if p.count > 0 {
		return 0
	}
	p.pieces = nil
	if p.ahead != nil {
		return 0
	}
	return p.firstSize()
}
