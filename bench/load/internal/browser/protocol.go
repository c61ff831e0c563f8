package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// message is what the browser says: the result of a command, or an event.
type message struct {
	ID      int             `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// listen takes what the browser says, each with a zero byte behind it.
func (b *Browser) listen() {
	defer close(b.heard)
	lines := bufio.NewScanner(b.from)
	lines.Buffer(nil, 16<<20)
	lines.Split(func(data []byte, _ bool) (int, []byte, error) {
		if at := bytes.IndexByte(data, 0); at >= 0 {
			return at + 1, data[:at], nil
		}
		return 0, nil, nil
	})
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) == nil {
			b.heard <- m
		}
	}
}

// call gives a command, to a session if one is named, and takes its result. Events
// that come before are passed over.
func (b *Browser) call(ctx context.Context, session, method string, params map[string]any, result any) error {
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if session != "" {
		command["sessionId"] = session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	m, err := b.hear(ctx, func(m message) bool { return m.ID == b.last })
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", method, err)
	case m.Error != nil:
		return fmt.Errorf("%s: %s", method, m.Error.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(m.Result, result)
}

// await waits for an event of a session.
func (b *Browser) await(ctx context.Context, session, event string) error {
	_, err := b.hear(ctx, func(m message) bool { return m.Method == event && m.Session == session })
	if err != nil {
		return fmt.Errorf("%s: %w", event, err)
	}
	return nil
}

func (b *Browser) hear(ctx context.Context, wanted func(message) bool) (message, error) {
	for {
		select {
		case m, ok := <-b.heard:
			if !ok {
				return m, errors.Join(errors.New("the browser has ended"), b.process.Err())
			}
			if wanted(m) {
				return m, nil
			}
		case <-ctx.Done():
			return message{}, context.Cause(ctx)
		}
	}
}
