package main

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

// Looks change where the line says, and go on to its end.
func TestParse(t *testing.T) {
	got, after := parse("a \x1b[1;32mok\x1b[0m \x1b[38;5;196mred\x1b[48;2;1;2;3;7mx", style{})
	want := []span{
		{0, "a ", style{}},
		{2, "ok", style{bold: true, fore: "#8fb573"}},
		{4, " ", style{}},
		{5, "red", style{fore: "#ff0000"}},
		{8, "x", style{fore: "#ff0000", back: "#010203", reverse: true}},
	}
	if !slices.Equal(got, want) || after != want[4].style {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, after := parse("\x1b[m", after); after != (style{}) {
		t.Errorf("after a reset: got %+v", after)
	}
	if got, _ := parse("\x1b[38", style{}); len(got) != 0 {
		t.Errorf("cut short: got %+v", got)
	}
}

// A picture is XML, as large as its text, and says what was on the screen.
func TestDraw(t *testing.T) {
	var b strings.Builder
	if err := draw(&b, strings.NewReader("a <b> & c\n\x1b[7m 100% \x1b[0m\n\n\n"), `the "title"`); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	if want := []string{"a\u00a0<b>\u00a0&\u00a0c", "\u00a0100%\u00a0"}; !slices.Equal(texts, want) {
		t.Errorf("got %q, want %q", texts, want)
	}
	if !strings.Contains(b.String(), `viewBox="0 0 100 62"`) || !strings.Contains(b.String(), ` fill="#c5c8c6"/><text`) {
		t.Errorf("got %s", b.String())
	}
}
