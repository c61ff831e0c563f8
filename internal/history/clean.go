package history

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds each text of a record. Names are shorter than that.
const maxText = 1 << 10

// clean returns s so that any store takes it and any terminal shows it: what is
// not UTF-8, or does not print, is escaped, and what is too long is cut.
func clean(s string) string {
	if len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if b.Len() > maxText {
			b.WriteString("...")
			break
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
