package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/socksctl/socksctl/client"
)

const needless = "it takes a step that failed"

// reach goes to the proxy and logs in. It tells whether more can be asked.
func (r *run) reach(ctx context.Context) bool {
	t := new(tap)
	took, err := t.handshake(ctx, r.Dialer)
	steps := []string{StepTCP, StepTLS, StepCertificate, StepClient, StepLogin, StepConnect, StepBind, StepUDPInTLS, StepUDP}
	if r.Dialer.TLS == nil {
		steps = []string{StepTCP, StepTLS, StepLogin, StepConnect, StepBind, StepUDPInTLS, StepUDP}
	}
	at := ""
	if err != nil {
		at = stepOf(err, t)
	}
	for i, name := range steps {
		if name == at {
			r.add(r.explain(ctx, failed(name, err), t))
			r.skip(needless, steps[i+1:]...)
			return false
		}
		r.add(r.passed(name, t, took))
		if name == StepLogin {
			break
		}
	}
	return true
}

// stepOf returns the step that err, of a handshake, is the end of.
func stepOf(err error, t *tap) string {
	fault, ok := errors.AsType[*client.ProxyError](err)
	if !ok {
		return StepTCP
	}
	cause := client.Diagnose(err).Cause
	switch {
	case fault.Op == "dial":
		return StepTCP
	case cause == client.CauseNoClient, cause == client.CauseBadClient, t.missed(cause):
		return StepClient
	case strings.HasPrefix(string(cause), "certificate_"):
		return StepCertificate
	case fault.Op == "tls":
		return StepTLS
	}
	return StepLogin
}

// missed tells whether the server broke off for want of a client certificate: under
// TLS 1.2 it has no alert of its own for that.
func (t *tap) missed(cause client.Cause) bool {
	return cause == client.CauseTLS && t.asked != nil && t.shown == nil
}

// passed returns a step that went well.
func (r *run) passed(name string, t *tap, took Latency) Step {
	s := Step{Name: name, Status: OK}
	switch name {
	case StepTCP:
		s.Took, s.Found = t.connected, t.remote.String()
	case StepTLS:
		if t.state == nil {
			return Step{Name: name, Status: Skipped, Why: "the proxy is one without TLS: what it is asked for travels in clear text"}
		}
		s.Took, s.Found = t.reached-t.connected, tlsFound(t.state)
		s.Took = max(s.Took, 0) // where the certificate was refused it is not known
	case StepCertificate:
		return certificateFound(t.state.PeerCertificates[0])
	case StepClient:
		return t.clientFound()
	case StepLogin:
		s.Took, s.Found = took-t.reached, "no name and password given"
		if r.Dialer.User != "" {
			s.Found = fmt.Sprintf("as %q", r.Dialer.User)
		}
	}
	return s
}

func tlsFound(cs *tls.ConnectionState) string {
	found := tls.VersionName(cs.Version) + ", " + tls.CipherSuiteName(cs.CipherSuite)
	if cs.CurveID != 0 {
		found += ", " + cs.CurveID.String()
	}
	if cs.NegotiatedProtocol != "" {
		found += fmt.Sprintf(", %q", cs.NegotiatedProtocol)
	}
	return found
}
