package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/socksctl/socksctl/client"
)

// The names of the steps.
const (
	StepNames       = "names" // what apps are told about looking them up; reported only with a warning
	StepTCP         = "TCP"   // the connection, over a unix socket too
	StepTLS         = "TLS"
	StepCertificate = "certificate"        // of the server
	StepClient      = "client certificate" // of ours
	StepLogin       = "login"
	StepConnect     = "CONNECT"
	StepBind        = "BIND"
	StepUDPInTLS    = "UDP in TLS"
	StepUDP         = "UDP"
)

// Status is how a step went.
type Status string

// The ways a step can go.
const (
	OK       Status = "ok"
	Warning  Status = "warning"  // it works, and something should be done
	Failed   Status = "failed"   // Cause, Why and Next say more
	Untested Status = "untested" // Why says what it would take
	Skipped  Status = "skipped"  // Why says because of what
)

// Step is one step, done.
type Step struct {
	Name   string       `json:"step"`
	Status Status       `json:"status"`
	Took   Latency      `json:"ms,omitzero"`
	Found  string       `json:"found,omitempty"` // what was found
	Cause  client.Cause `json:"cause,omitempty"`
	Why    string       `json:"why,omitempty"`
	Next   string       `json:"next,omitempty"` // what to do
	Err    error        `json:"-"`
}

// Latency is how long something took; in JSON it is milliseconds.
type Latency time.Duration

// MarshalJSON returns milliseconds with a fraction.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(l).Microseconds()) / 1000)
}

// String returns l in the unit and to the digits that matter.
func (l Latency) String() string {
	d := time.Duration(l)
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// Report is how a check went.
type Report struct {
	Proxy string `json:"proxy"` // its URL, without the password
	Steps []Step `json:"steps"`
}

// Failed returns the first step that failed, and nil if none did.
func (r *Report) Failed() *Step {
	for i := range r.Steps {
		if r.Steps[i].Status == Failed {
			return &r.Steps[i]
		}
	}
	return nil
}

// failed returns the step that err is the end of.
func failed(name string, err error) Step {
	d := client.Diagnose(err)
	if fault, ok := errors.AsType[*client.ProxyError](err); ok { // the report names the proxy, and the step says which
		d.Why = strings.TrimPrefix(d.Why, fmt.Sprintf("proxy %s: %s: ", fault.Proxy, fault.Op))
	}
	return Step{Name: name, Status: Failed, Cause: d.Cause, Why: d.Why, Next: d.Next, Err: err}
}
