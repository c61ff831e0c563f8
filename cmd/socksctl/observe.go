package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/metrics"
)

var errDraining = errors.New("draining")

// useMetrics has everything counted that v has by now.
func (v *service) useMetrics() {
	info := readVersion()
	c := metrics.Config{Server: v.Server, Version: info.Version, Revision: info.Commit, HistoryDropped: v.lost}
	for _, l := range slices.Concat(v.plain, v.secure) {
		c.Listeners = append(c.Listeners, l.Addr().String())
	}
	if v.certificate != nil {
		c.CertificateExpiry = func() time.Time {
			if leaf := v.certificate(); leaf != nil {
				return leaf.NotAfter
			}
			return time.Time{}
		}
	}
	if v.upstreams != nil {
		c.Upstreams = func() (all []metrics.Upstream) {
			for _, s := range v.upstreams.Status() {
				all = append(all, metrics.Upstream{Server: s.Server, Up: s.Up, Latency: s.Latency, Warm: s.Warm})
			}
			return all
		}
	}
	v.metrics = metrics.New(c)
	v.observe(v.metrics)
}

// unready returns why clients had better go elsewhere.
func (v *service) unready() error {
	if v.draining.Load() {
		return errDraining
	}
	if v.upstreams != nil {
		if err := v.upstreams.Ready(); err != nil {
			return fmt.Errorf("no server can be used: %w", err)
		}
	}
	for _, ready := range v.ready {
		if err := ready(); err != nil {
			return err
		}
	}
	return nil
}

// status returns how v does.
func (v *service) status() admin.Status {
	s := admin.Status{
		Service: v.admin.service, Version: readVersion().Version, Started: v.started,
		Sessions: map[string]int{"connect": 0, "bind": 0, "udp": 0},
	}
	for _, l := range v.plain {
		s.Listeners = append(s.Listeners, listenerStatus(l, plainProtocol))
	}
	for _, l := range v.secure {
		s.Listeners = append(s.Listeners, listenerStatus(l, secureProtocol))
	}
	for session := range v.Sessions() {
		s.Sessions[session.Command]++
	}
	if v.upstreams != nil {
		for _, one := range v.upstreams.Status() {
			s.Servers = append(s.Servers, upstreamStatus(one))
		}
	}
	if v.certificate != nil {
		if leaf := v.certificate(); leaf != nil {
			s.Certificate = &admin.Certificate{Subject: subjectOf(leaf), NotAfter: leaf.NotAfter}
		}
	}
	return s
}

// subjectOf says whose a certificate is. Those that ACME issues may have names and no
// subject.
func subjectOf(leaf *x509.Certificate) string {
	if subject := leaf.Subject.String(); subject != "" {
		return subject
	}
	return strings.Join(leaf.DNSNames, ", ")
}

func listenerStatus(l net.Listener, protocol string) admin.Listener {
	return admin.Listener{Address: shown(l.Addr()), Protocol: protocol}
}

func upstreamStatus(s forwarder.Status) admin.Upstream {
	u := admin.Upstream{Server: s.Server, Up: s.Up, Latency: s.Latency.Seconds(), Sessions: s.Sessions, Warm: s.Warm}
	if !s.Up && s.Err != nil {
		u.Error = s.Err.Error()
	}
	return u
}
