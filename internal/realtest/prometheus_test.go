//go:build linux

package realtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// promtool prepares Prometheus' tool for rules and metrics.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	return mustRun(t, command(program(t, "promtool", "prometheus"), args...))
}

// deployed returns the path of a file of deploy/.
func deployed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../deploy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Each alert fires at the series that it is for, and is silent at others.
func TestPromtoolRules(t *testing.T) {
	promtool(t, "check", "rules", deployed(t, "prometheus/alerts.yaml"))
	promtool(t, "test", "rules", deployed(t, "prometheus/alerts_test.yaml"))
}

// A Prometheus scrapes a server that works, reads the rules, and answers every
// question of the dashboard.
func TestPrometheus(t *testing.T) {
	p := certificates(t)
	token := writeFile(t, filepath.Join(t.TempDir(), "token"), "secret\n")
	server := start(t, "serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admin-token-file", token,
		"--tls-cert", p.file("server.crt"), "--tls-key", p.file("server.key"))
	proxy := server.await(t, listening, 1)[0][1]
	admin := server.await(t, regexpOf(`msg=admin address=(\S+)`), 1)[0][1]
	download(t, 1000, "http://localhost:"+newOrigin(t), "--socks5-hostname", proxy)
	metrics := command(program(t, "promtool", "prometheus"), "check", "metrics")
	metrics.Stdin = strings.NewReader(mustRun(t, curl(t, "-H", "Authorization: Bearer secret", "http://"+admin+"/metrics")))
	if said := mustRun(t, metrics); said != "" {
		t.Errorf("promtool check metrics: %s", said)
	}

	prometheus := startPrometheus(t, admin, token)
	prometheus.await(t, `socksctl_sessions_total{command="connect",result="ok"}`, "1")
	prometheus.await(t, `socksctl_bytes_total{command="connect",direction="down"} > bool 1000`, "1")
	prometheus.await(t, `socksctl_tls_certificate_expiry_timestamp_seconds > bool time()`, "1")
	prometheus.await(t, `sum(socksctl_sessions_active)`, "0")
	for _, expr := range dashboardExpressions(t) {
		prometheus.ask(t, strings.NewReplacer("$job", ".*", "$instance", ".*", "$__rate_interval", "1m").Replace(expr))
	}
	prometheus.rulesAreGood(t)
}

// prometheus is a running one, by the address of its API.
type prometheus string

// startPrometheus starts one that scrapes target all the time, with the token of a
// file.
func startPrometheus(t *testing.T, target, token string) prometheus {
	t.Helper()
	dir := t.TempDir()
	config := writeFile(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [%q]
scrape_configs:
  - job_name: socksctl
    authorization: {credentials_file: %q}
    static_configs: [{targets: [%q]}]
`, deployed(t, "prometheus/alerts.yaml"), token, target))
	run := startCommand(t, command(program(t, "prometheus", "prometheus"), "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0"))
	at := run.await(t, regexpOf(`msg="Listening on" address=(\S+)`), 1)[0][1]
	run.await(t, regexpOf("Server is ready to receive web requests"), 1)
	return prometheus("http://" + at + "/api/v1/")
}

// get asks the API and decodes the data of its answer into v.
func (p prometheus) get(path string, v any) error {
	r, err := http.Get(string(p) + path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: v}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return nil
}

// ask returns the values of an expression, which has to be one.
func (p prometheus) ask(t *testing.T, expr string) (values []string) {
	t.Helper()
	var data struct{ Result []struct{ Value [2]any } }
	if err := p.get("query?query="+url.QueryEscape(expr), &data); err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	for _, r := range data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values
}

// await asks until the one value of an expression is as wanted.
func (p prometheus) await(t *testing.T, expr, want string) {
	t.Helper()
	for end := time.Now().Add(startLimit); ; {
		got := p.ask(t, expr)
		if len(got) == 1 && got[0] == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: got %q, want %s", expr, got, want)
		}
	}
}

// rulesAreGood waits until every rule was evaluated, and wants no error of one.
func (p prometheus) rulesAreGood(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(deployed(t, "prometheus/alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := len(regexp.MustCompile(`(?m)^ +- alert:`).FindAll(text, -1))
	for end := time.Now().Add(startLimit); ; {
		var data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := p.get("rules", &data); err != nil {
			t.Fatal(err)
		}
		good := 0
		for _, g := range data.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					t.Errorf("%s: %s", r.Name, r.LastError)
				}
				if r.Health == "ok" {
					good++
				}
			}
		}
		if good == want || t.Failed() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d rules of %d were evaluated", good, want)
		}
	}
}

// dashboardExpressions returns what the dashboard asks for.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(deployed(t, "grafana/socksctl.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}
