package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// answer is a datagram that came back.
type answer struct {
	from string
	took time.Duration // since the last datagram was sent
	data []byte
}

// answerJSON is an answer as JSON has it: data as text where it is text, and in
// base64 where it is not.
type answerJSON struct {
	From         string  `json:"from"`
	Milliseconds float64 `json:"ms"`
	Bytes        int     `json:"bytes"`
	Data         *string `json:"data,omitempty"`
	Base64       []byte  `json:"base64,omitempty"`
}

// answerPrinter returns what prints an answer to w as one line.
func answerPrinter(w io.Writer, asJSON bool) func(answer) error {
	if asJSON {
		return func(a answer) error { return json.NewEncoder(w).Encode(a.json()) }
	}
	return func(a answer) error {
		_, err := fmt.Fprintf(w, "%s %v %s\n", a.from, a.took.Round(time.Microsecond), visible(a.data))
		return err
	}
}

func (a answer) json() answerJSON {
	j := answerJSON{From: a.from, Milliseconds: float64(a.took.Microseconds()) / 1000, Bytes: len(a.data)}
	if text := string(a.data); utf8.ValidString(text) {
		j.Data = &text
	} else {
		j.Base64 = a.data
	}
	return j
}

// visible returns data as a terminal may have it: what does not print is
// escaped as in Go.
func visible(data []byte) string {
	quoted := strconv.Quote(string(data))
	if bare := quoted[1 : len(quoted)-1]; bare == string(data) {
		return bare
	}
	return quoted
}
