package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxAnswer bounds what a client reads of an answer: half a million sessions.
const maxAnswer = 256 << 20

// Client asks a running service.
type Client struct {
	Address string // host:port, or unix:PATH
	Token   string // for an address
}

// Refused is the error of a service that answered and did not do as it was asked.
type Refused struct {
	Status int    // of HTTP
	Text   string // its own words
}

// Error returns what the service said.
func (e *Refused) Error() string { return e.Text }

// Reload has the service reload what has changed. Where something could not be
// used the error is a [Refused] of status 422, and the Result tells of the rest.
func (c *Client) Reload(ctx context.Context) (Result, error) {
	var result Result
	err := c.ask(ctx, http.MethodPost, reloadPath, &result)
	return result, err
}

// ask sends one request and decodes the answer to it into v, also one that tells
// of an error.
func (c *Client) ask(ctx context.Context, method, path string, v any) error {
	response, err := c.send(ctx, method, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.decode(response, v)
}

// decode reads an answer into v, also one that tells of an error.
func (c *Client) decode(response *http.Response, v any) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.Address, err)
	}
	known := json.Unmarshal(text, v) == nil
	if known && response.StatusCode == http.StatusOK {
		return nil
	}
	return c.refusal(response, text)
}

// send sends one request and returns the answer, whose body is to be closed.
func (c *Client) send(ctx context.Context, method, path string) (*http.Response, error) {
	host, transport := c.route()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("admin address %q: %w", c.Address, err)
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := transport.RoundTrip(r) // redirects are not followed
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Address, err)
	}
	return response, nil
}

// refusal is the error that an answer tells of: its own words, where they are those
// of a socksctl.
func (c *Client) refusal(response *http.Response, text []byte) error {
	var p problem
	if err := json.Unmarshal(text, &p); err == nil && p.Error != "" && response.StatusCode != http.StatusOK {
		return &Refused{response.StatusCode, p.Error}
	}
	return &Refused{response.StatusCode, fmt.Sprintf("%s does not answer as a socksctl does: %s", c.Address, response.Status)}
}

// route returns the host to ask for, and a transport to where it is. A proxy of
// the environment is not for this.
func (c *Client) route() (host string, transport *http.Transport) {
	transport = &http.Transport{DisableKeepAlives: true}
	path, owned := strings.CutPrefix(c.Address, "unix:")
	if !owned {
		return c.Address, transport
	}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}
	return "localhost", transport
}
