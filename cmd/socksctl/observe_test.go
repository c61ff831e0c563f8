package main

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/server"
)

// A forwarder none of whose servers works is not ready, and says so in all places.
func TestForwarderWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	v := &service{
		Server: new(server.Server), log: slog.New(slog.DiscardHandler),
		upstreams: &upstreams{Servers: forwarder.NewServers(&client.Dialer{Address: l.Addr().String(), User: "me", Password: "secret"})},
	}
	v.useMetrics()
	if err := v.unready(); err != nil {
		t.Errorf("before the first try: %v", err)
	}
	if c, err := v.upstreams.DialContext(t.Context(), "tcp", "192.0.2.1:80"); err == nil {
		c.Close()
		t.Fatal("reached a server that is not there")
	}
	if err := v.unready(); err == nil || !strings.Contains(err.Error(), "no server can be used: ") {
		t.Errorf("got %v", err)
	}
	servers := v.status().Servers
	if len(servers) != 1 || servers[0].Up || servers[0].Error == "" || strings.Contains(servers[0].Server+servers[0].Error, "secret") {
		t.Errorf("got %+v", servers)
	}
	told := map[string]float64{servers[0].Server: 0}
	if diff := cmp.Diff(told, gauges(t, v, "socksctl_upstream_up")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// gauges returns the values of a metric, by its one label.
func gauges(t *testing.T, v *service, name string) map[string]float64 {
	t.Helper()
	families, err := v.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				values[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return values
}

// value returns the value of a metric without labels.
func value(t *testing.T, v *service, name string) float64 {
	t.Helper()
	families, err := v.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestUnready(t *testing.T) {
	var store error
	v := &service{Server: new(server.Server), ready: []func() error{func() error { return nil }, func() error { return store }}}
	v.admin.service = admin.Serve
	for _, store = range []error{nil, errors.New("the store is down")} {
		if err := v.unready(); !errors.Is(err, store) {
			t.Errorf("got %v, want %v", err, store)
		}
	}
	v.draining.Store(true)
	if err := v.unready(); !errors.Is(err, errDraining) {
		t.Errorf("got %v, want %v", err, errDraining)
	}
}

// A reload that leaves something behind is not noted as one that succeeded, nor is
// one after it that does not look at that.
func TestReloadIsNoted(t *testing.T) {
	var bad error
	v := &service{Server: new(server.Server), log: slog.New(slog.DiscardHandler)}
	v.unseen = []part{{name: "audit log", prepare: func() (func(), error) { return nil, bad }}}
	v.useMetrics()
	r := newReloader(v)
	for _, c := range []struct {
		bad   error
		by    string
		whole float64
	}{{nil, bySignal, 1}, {errors.New("full"), byFiles, 1}, {errors.New("full"), bySignal, 0}, {nil, byFiles, 0}, {nil, byAdmin, 1}} {
		bad = c.bad
		_, _ = r.once(c.by)
		if got := value(t, v, "socksctl_config_last_reload_successful"); got != c.whole {
			t.Errorf("%s with %v: got %v, want %v", c.by, c.bad, got, c.whole)
		}
	}
}
