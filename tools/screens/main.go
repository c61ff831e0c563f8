// Command screens draws what a terminal shows as a picture: it reads what `tmux
// capture-pane -e -p` prints, and writes SVG. tools/screens/record makes the pictures
// of the documents with it.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	title := "terminal"
	if len(os.Args) > 1 {
		title = os.Args[1]
	}
	if err := draw(os.Stdout, os.Stdin, title); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// draw reads lines with escape sequences and writes a picture of them.
func draw(out io.Writer, in io.Reader, title string) error {
	var rows [][]span
	var now style // it goes on from line to line
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var row []span
		row, now = parse(lines.Text(), now)
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	_, err := io.WriteString(out, picture(trimmed(rows), title))
	return err
}

// trimmed returns rows without the empty ones at the end.
func trimmed(rows [][]span) [][]span {
	for len(rows) > 0 && len(rows[len(rows)-1]) == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows
}
