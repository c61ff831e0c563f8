package metrics_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/server"
)

// The names are a promise: dashboards and alerts that others have made rely on
// them.
func TestNames(t *testing.T) {
	want := map[string]string{
		"socksctl_sessions_active":                              "gauge command listener",
		"socksctl_sessions_total":                               "counter command result",
		"socksctl_session_duration_seconds":                     "histogram",
		"socksctl_handshake_duration_seconds":                   "histogram stage",
		"socksctl_bytes_total":                                  "counter command direction",
		"socksctl_udp_datagrams_total":                          "counter direction",
		"socksctl_udp_dropped_total":                            "counter reason",
		"socksctl_bind_waiting":                                 "gauge",
		"socksctl_auth_attempts_total":                          "counter method result",
		"socksctl_acl_decisions_total":                          "counter action",
		"socksctl_dial_errors_total":                            "counter reply",
		"socksctl_tls_handshake_errors_total":                   "counter reason",
		"socksctl_tls_certificate_expiry_timestamp_seconds":     "gauge",
		"socksctl_upstream_up":                                  "gauge server",
		"socksctl_upstream_latency_seconds":                     "gauge server",
		"socksctl_upstream_warm":                                "gauge server",
		"socksctl_config_last_reload_success_timestamp_seconds": "gauge",
		"socksctl_config_last_reload_successful":                "gauge",
		"socksctl_history_queue_dropped_total":                  "counter",
		"socksctl_build_info":                                   "gauge goversion revision version",
	}
	got := make(map[string]string)
	others := make(map[string]bool)
	for _, f := range families(t) {
		if !strings.HasPrefix(f.GetName(), "socksctl_") {
			kind, _, _ := strings.Cut(f.GetName(), "_")
			others[kind] = true
			continue
		}
		got[f.GetName()] = strings.Join(append([]string{strings.ToLower(f.GetType().String())}, labels(f)...), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !others["go"] || !others["process"] {
		t.Errorf("beside our own: got %v, want go and process", others)
	}
}

// What a service does not have, it does not tell of.
func TestOptionalNames(t *testing.T) {
	all, err := metrics.New(metrics.Config{Server: new(server.Server)}).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, optional := range []string{"upstream", "history", "certificate"} {
			if strings.Contains(f.GetName(), optional) {
				t.Errorf("%s is there", f.GetName())
			}
		}
	}
}

func TestLint(t *testing.T) {
	problems, err := promlint.NewWithMetricFamilies(families(t)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A registry of our own leaves the one of the process alone.
func TestNoGlobals(t *testing.T) {
	metrics.New(config(new(server.Server)))
	metrics.New(config(new(server.Server)))
	all, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "socksctl_") {
			t.Errorf("%s is in the default registry", f.GetName())
		}
	}
}

// families is all that a service may tell.
func families(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	all, err := metrics.New(config(new(server.Server), "127.0.0.1:1080")).Gather()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// labels returns the names of the labels that f has.
func labels(f *dto.MetricFamily) (names []string) {
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if !slices.Contains(names, l.GetName()) {
				names = append(names, l.GetName())
			}
		}
	}
	slices.Sort(names)
	return names
}

// Every word that package server has for an end has its zero at the start.
func TestResultsAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../server/ending.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, reasons := scrape(t, metrics.New(config(new(server.Server)))), 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && fmt.Sprint(spec.Type) == "EndReason" {
			reasons++
			word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if _, ok := got[fmt.Sprintf(`socksctl_sessions_total{command="connect",result=%q}`, word)]; !ok || err != nil {
				t.Errorf("%s: no series for %q (%v)", spec.Names[0], word, err)
			}
		}
		return true
	})
	if reasons < 10 {
		t.Errorf("found %d reasons", reasons)
	}
}
