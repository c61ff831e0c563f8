// Package check goes through a SOCKS5 proxy end to end, step by step, and says
// what failed, why, and what to do next.
//
// [Run] takes the steps in their order: the connection, TLS, the server's
// certificate, the client's, the login, CONNECT, BIND, and datagrams. What it uses
// for them is the [client.Dialer] that is to be checked. A step without which
// others mean nothing ends the run, and they are reported as skipped.
//
// No other host is needed: CONNECT goes to a listener that BIND opened on the
// proxy. What cannot be found out that way is reported as untested.
package check

import (
	"context"
	"time"

	"github.com/socksctl/socksctl/client"
)

// Config says what to check.
type Config struct {
	Dialer    *client.Dialer // to the proxy, without a Forward; not changed
	Target    string         // of CONNECT, host:port; empty: the proxy's own BIND listener
	UDPTarget string         // host:port of something that answers datagrams; empty: none are sent
	Timeout   time.Duration  // to wait for an answer once a request is made; 0 is DefaultTimeout
	Environ   []string       // variables, as os.Environ has them, that apps take their proxy from
	Done      func(Step)     // called with each step when it is done; may be nil
}

// DefaultTimeout is what a zero Timeout of [Config] stands for.
const DefaultTimeout = 5 * time.Second

// Run checks a proxy. The end of ctx ends it, and fails the step that is under way.
func Run(ctx context.Context, c Config) *Report {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	r := &run{Config: c, report: &Report{Proxy: c.Dialer.URL()}}
	r.warnOfNames()
	if r.reach(ctx) {
		r.connections(ctx)
		r.datagrams(ctx)
	}
	return r.report
}

// run is a check under way.
type run struct {
	Config
	report *Report
}

// add reports a step. None fails without a word on what to do.
func (r *run) add(s Step) {
	if s.Status == Failed && s.Next == "" {
		s.Next = "the proxy's log may say more"
	}
	r.report.Steps = append(r.report.Steps, s)
	if r.Done != nil {
		r.Done(s)
	}
}

// skip reports steps that mean nothing any more.
func (r *run) skip(why string, names ...string) {
	for _, name := range names {
		r.add(Step{Name: name, Status: Skipped, Why: why})
	}
}

// timed returns a context for one call of the Dialer, and what tells how long the
// call took once the proxy was reached.
func timed(ctx context.Context) (context.Context, func() Latency) {
	begin := time.Now()
	reached := client.Attempt{Reached: func(time.Duration) { begin = time.Now() }}
	return client.WithAttempt(ctx, reached), func() Latency { return Latency(time.Since(begin)) }
}
