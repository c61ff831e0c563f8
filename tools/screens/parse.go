package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// style is how characters look. The colours are those of SVG, and empty where they are
// the terminal's own.
type style struct {
	fore, back           string
	bold, dim, underline bool
	reverse              bool
}

// span is a run of characters that look alike.
type span struct {
	column int
	text   string
	style  style
}

// parse splits a line where its looks change, beginning as now, and returns how it
// looks at its end. Only CSI m is known, for tmux prints no other.
func parse(line string, now style) (spans []span, after style) {
	column := 0
	for line != "" {
		text, rest, escaped := strings.Cut(line, "\x1b[")
		if text != "" {
			spans = append(spans, span{column, text, now})
			column += utf8.RuneCountInString(text)
		}
		if !escaped {
			break
		}
		parameters, rest, _ := strings.Cut(rest, "m")
		now = now.changed(strings.Split(parameters, ";"))
		line = rest
	}
	return spans, now
}

// changed returns s as the parameters of CSI m have it.
func (s style) changed(parameters []string) style {
	for len(parameters) > 0 {
		n, _ := strconv.Atoi(parameters[0]) // an empty one is 0
		parameters = parameters[1:]
		switch {
		case n == 0:
			s = style{}
		case n == 38 || n == 48:
			var colour string
			colour, parameters = extended(parameters)
			s.paint(n == 48, colour)
		case n >= 30 && n <= 37 || n >= 90 && n <= 97:
			s.paint(false, basic(n%10, n >= 90))
		case n >= 40 && n <= 47 || n >= 100 && n <= 107:
			s.paint(true, basic(n%10, n >= 100))
		default:
			s.mark(n)
		}
	}
	return s
}

func (s *style) paint(behind bool, colour string) {
	if behind {
		s.back = colour
	} else {
		s.fore = colour
	}
}

// mark sets or clears what is no colour.
func (s *style) mark(n int) {
	switch n {
	case 1:
		s.bold = true
	case 2:
		s.dim = true
	case 4:
		s.underline = true
	case 7:
		s.reverse = true
	case 22:
		s.bold, s.dim = false, false
	case 24:
		s.underline = false
	case 27:
		s.reverse = false
	case 39:
		s.fore = ""
	case 49:
		s.back = ""
	}
}

// extended reads what follows 38 or 48: 5 and a number, or 2, red, green and blue.
func extended(parameters []string) (colour string, rest []string) {
	number := func(i int) int {
		if i >= len(parameters) {
			return 0
		}
		n, _ := strconv.Atoi(parameters[i])
		return n
	}
	if number(0) == 2 {
		return fmt.Sprintf("#%02x%02x%02x", number(1)&255, number(2)&255, number(3)&255), parameters[min(4, len(parameters)):]
	}
	return indexed(number(1)), parameters[min(2, len(parameters)):]
}

// basic returns one of the sixteen colours.
func basic(n int, bright bool) string {
	dark := [...]string{"#1d1f21", "#cc6666", "#8fb573", "#e0b464", "#6d9ecf", "#b294bb", "#70b8b0", "#c5c8c6"}
	light := [...]string{"#777c80", "#e08080", "#a9cf8d", "#f0cb84", "#8cb8e4", "#cbafd3", "#8fd2ca", "#ffffff"}
	if bright {
		return light[n&7]
	}
	return dark[n&7]
}

// indexed returns one of the 256 colours: the sixteen, a cube, and greys.
func indexed(n int) string {
	switch {
	case n < 16:
		return basic(n%8, n >= 8)
	case n >= 232:
		grey := 8 + (n-232)*10
		return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
	}
	level := func(i int) int {
		if i == 0 {
			return 0
		}
		return 55 + i*40
	}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", level(n/36), level(n/6%6), level(n%6))
}
