package history

// cells is the values of rows, one row after the other. What a row has in common with
// the one before it, which is most, takes no memory of its own.
type cells struct {
	values []any
	width  int // of a row; 0: there is but one
}

// put appends the next values of a row.
func put[T string | int64](c *cells, all ...T) {
	for _, v := range all {
		above := c.above()
		if last, ok := above.(T); !ok || last != v {
			above = v
		}
		c.values = append(c.values, above)
	}
}

// above returns what the row before has in the place of the next value, and nil if
// there is none.
func (c *cells) above() any {
	if at := len(c.values) - c.width; c.width > 0 && at >= 0 {
		return c.values[at]
	}
	return nil
}
