package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// printer writes the demonstration, in colour for a person.
type printer struct {
	w          io.Writer
	bold, dim  string
	plainAgain string
}

func newPrinter(w io.Writer) printer {
	p := printer{w: w}
	if isTerminal(w) && os.Getenv("NO_COLOR") == "" {
		p.bold, p.dim, p.plainAgain = "\x1b[1m", "\x1b[2m", "\x1b[0m"
	}
	return p
}

func (p printer) title(format string, args ...any) {
	fmt.Fprintf(p.w, "%s%s%s\n", p.bold, fmt.Sprintf(format, args...), p.plainAgain)
}

func (p printer) step(name, format string, args ...any) {
	fmt.Fprintf(p.w, "\n%s%s%s  %s\n", p.bold, name, p.plainAgain, fmt.Sprintf(format, args...))
}

func (p printer) line(who, format string, args ...any) {
	fmt.Fprintf(p.w, "  %-22s %s\n", who, fmt.Sprintf(format, args...))
}

// wire shows messages as bytes, with a bar between one and the next.
func (p printer) wire(who string, messages ...[]byte) {
	shown := make([]string, len(messages))
	for i, m := range messages {
		shown[i] = fmt.Sprintf("% x", m)
	}
	p.line(who, "%s%s%s", p.dim, strings.Join(shown, " | "), p.plainAgain)
}
