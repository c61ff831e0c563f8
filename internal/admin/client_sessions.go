package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Query says which sessions a client means, in the words of the API. The zero Query
// is all of them.
type Query struct {
	User    string
	To      string // as destination.Parse reads it
	Command string
	Since   time.Time // the zero Time: any
	Sort    string    // as live.ParseOrder reads it
	Limit   int
}

// values returns q as parameters.
func (q Query) values() url.Values {
	v := make(url.Values)
	for name, value := range map[string]string{"user": q.User, "to": q.To, "command": q.Command, "sort": q.Sort} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Sessions lists those that run.
func (c *Client) Sessions(ctx context.Context, q Query) (Sessions, error) {
	var list Sessions
	err := c.ask(ctx, http.MethodGet, sessionsPath+"?"+q.values().Encode(), &list)
	return list, err
}

// Kill ends one session. When it does not run the error is a [Refused] of status
// 404.
func (c *Client) Kill(ctx context.Context, id uint64) error {
	return c.ask(ctx, http.MethodPost, fmt.Sprintf("%s/%d/kill", sessionsPath, id), new(Killed))
}

// KillAll ends the sessions that q is about, and returns which they were. The zero
// Query is none of them unless all is set.
func (c *Client) KillAll(ctx context.Context, q Query, all bool) ([]uint64, error) {
	v := q.values()
	if all {
		v.Set("all", "true")
	}
	var killed Killed
	err := c.ask(ctx, http.MethodPost, sessionsPath+"/kill?"+v.Encode(), &killed)
	return killed.Killed, err
}

// Follow calls told for each thing that happens to the sessions that q is about,
// those that run first, until the service ends, ctx does, or told has an error: then
// it returns nil, ctx's error or that one.
func (c *Client) Follow(ctx context.Context, q Query, told func(Event) error) error {
	response, err := c.send(ctx, http.MethodGet, sessionsPath+"/follow?"+q.values().Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxHeader)) // what is missing of it is no answer
		return c.refusal(response, text)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("%s: event: %w", c.Address, err)
		}
		if err := told(event); err != nil {
			return err
		}
	}
	return lines.Err()
}

// maxLine bounds an event: a session with as many targets as there may be.
const maxLine = 4 << 20
