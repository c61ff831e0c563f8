package history

// cells is the values of rows, one row after the other. What a row has in common with
// the one before it, which is most, takes no memory of its own.
type cells struct {
	values []any
	width  int // of a row; 0: there is but one
}

func (c *cells) texts(all ...string) {
	for _, s := range all {
		above := c.above()
		if last, ok := above.(string); !ok || last != s {
			above = s
		}
		c.values = append(c.values, above)
	}
}

func (c *cells) numbers(all ...int64) {
	for _, n := range all {
		above := c.above()
		if last, ok := above.(int64); !ok || last != n {
			above = n
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
