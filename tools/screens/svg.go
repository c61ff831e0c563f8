package main

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The measures of a character and of what is around the text, in pixels, and the
// colours of a terminal that has none of its own.
const (
	width, height = 8, 17
	margin        = 14
	ink, paper    = "#c5c8c6", "#1d1f21"
)

// picture draws rows of text on a dark ground. Each span says how wide it is, so that
// columns stand whatever the font.
func picture(rows [][]span, title string) string {
	columns := 0
	for _, row := range rows {
		for _, s := range row {
			columns = max(columns, s.column+utf8.RuneCountInString(s.text))
		}
	}
	var b strings.Builder
	w, h := columns*width+2*margin, len(rows)*height+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-label="%s">`+"\n", w, h, w, escaped(title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="%s"/>`+"\n", w, h, paper)
	fmt.Fprintf(&b, `<g font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13" fill="%s">`+"\n", ink)
	for i, row := range rows {
		for _, s := range row {
			b.WriteString(s.drawn(i))
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// drawn draws a span in a row: what is behind it, and its text.
func (s span) drawn(row int) string {
	x, y, w := margin+s.column*width, margin+row*height, utf8.RuneCountInString(s.text)*width
	fore, back := s.style.fore, s.style.back
	if s.style.reverse {
		fore, back = or(back, paper), or(fore, ink)
	}
	var b strings.Builder
	if back != "" {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, x, y, w, height, back)
	}
	if strings.TrimSpace(s.text) != "" {
		fmt.Fprintf(&b, `<text x="%d" y="%d" textLength="%d"%s>%s</text>`, x, y+height-4, w, s.style.attributes(fore), escaped(fixed(s.text)))
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// fixed returns text with spaces that nothing takes for one.
func fixed(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }

// attributes returns what differs from the usual.
func (s style) attributes(fore string) (text string) {
	if fore != "" {
		text += ` fill="` + fore + `"`
	}
	if s.bold {
		text += ` font-weight="bold"`
	}
	if s.dim {
		text += ` opacity="0.65"`
	}
	if s.underline {
		text += ` text-decoration="underline"`
	}
	return text
}

func or(colour, other string) string {
	if colour == "" {
		return other
	}
	return colour
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
