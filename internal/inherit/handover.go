package inherit

import (
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Protocol is what a handover is called where a connection is turned into one. Its
// messages are lines of JSON. The process that takes over asks for one listener at
// a time and gets each with its descriptor; it says which it serves once it does;
// and the other one says that it stops accepting. Until then either side may leave,
// and nothing has changed.
const Protocol = "socksctl-handover/1"

// patience is how long a process that takes over may need until it serves.
const patience = time.Minute

// maxLine bounds a message.
const maxLine = 8 << 10

var errProtocol = errors.New("the other process says what nobody asked for")

// ErrUnconfirmed is what [Set.Commit] returns when the process that served
// before is gone without an answer: it may have ended.
var ErrUnconfirmed = errors.New("the process that served before gave no answer")

// message is one line, either way.
type message struct {
	Next    bool   `json:"next,omitempty"`    // asks for a listener
	Kind    string `json:"kind,omitempty"`    // is one, and brings its descriptor
	Asked   string `json:"asked,omitempty"`   //
	Passed  bool   `json:"passed,omitempty"`  //
	Last    bool   `json:"last,omitempty"`    // there are no more
	Serving []int  `json:"serving,omitempty"` // those that are served now, by their order
	Serves  bool   `json:"serves,omitempty"`  // that may be none
	Done    bool   `json:"done,omitempty"`    // this process stops accepting
	Error   string `json:"error,omitempty"`   // it goes on, since
}

// line returns m as it is sent.
func (m message) line() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and booleans
	}
	return append(text, '\n')
}

// parse reads one line.
func parse(line []byte) (message, error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return m, err
	}
	if m.Error != "" {
		return m, errors.New(m.Error)
	}
	return m, nil
}

// unexpectedEnd is io.EOF as the error that it is in the middle of a handover.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
