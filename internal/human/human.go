// Package human writes what people read: sizes, times, and text of others that
// is not to act on their terminal.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// units are those of Size, each 1,024 of the one before.
const units = "KMGTPE"

// Size returns a number of bytes in three digits or so: "17 B", "1.5 KiB", "1023 MiB".
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.5 && unit < len(units)-1 { // else it would read as 1024 of its unit
		value /= 1024
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %ciB", value, units[unit])
	}
	return fmt.Sprintf("%.0f %ciB", value, units[unit])
}

// Rate returns bytes a second as Size does, and "-" for none.
func Rate(n int64) string {
	if n <= 0 {
		return "-"
	}
	return Size(n) + "/s"
}

// Count returns how many there are of what: "1 session", "2 sessions".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// Took returns a duration in its two largest units at most: "0s", "59s", "4m12s",
// "2h05m", "3d04h".
func Took(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 60*60:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*60*60:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// Visible returns s with an escape for whatever does not print or is no text, as
// records have it: nothing of it moves a cursor, changes a colour or reverses what
// stands beside it.
func Visible(s string) string {
	unseen := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if !strings.ContainsFunc(s, unseen) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
