package metrics_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// root is the module, as seen from this package's directory.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// alert is one of deploy/prometheus/alerts.yaml.
type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Alerts are about metrics, labels and values that there are, and each has its
// tests, which promtool runs (internal/realtest).
func TestAlerts(t *testing.T) {
	k, tests := knownMetrics(t), read(t, "deploy/prometheus/alerts_test.yaml")
	for _, a := range alerts(t) {
		for _, problem := range k.wrong(a.Expr) {
			t.Errorf("%s: %s", a.Alert, problem)
		}
		if s := a.Labels["severity"]; s != "warning" && s != "critical" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s: labels %v and annotations %v", a.Alert, a.Labels, a.Annotations)
		}
		for _, kind := range []string{" fires\n", " is silent\n"} {
			if !strings.Contains(tests, "- name: "+a.Alert+kind) {
				t.Errorf("%s has no test that it%s", a.Alert, kind)
			}
		}
	}
}

// panel is one of the dashboard.
type panel struct {
	ID                             int
	Type, Title, Description, Unit string
	GridPos                        struct{ X, Y, W, H int }
	Targets                        []struct{ RefID, Expr, LegendFormat string }
}

func (p panel) overlaps(q panel) bool {
	a, b := p.GridPos, q.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

func panels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct {
		UID, Title string
		Panels     []panel
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/socksctl.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID != "socksctl" || len(dashboard.Panels) < 20 {
		t.Fatalf("%q with %d panels", dashboard.UID, len(dashboard.Panels))
	}
	return dashboard.Panels
}

// A dashboard shows metrics that there are, all of ours among them, for the jobs
// and instances that are chosen.
func TestDashboard(t *testing.T) {
	k, all := knownMetrics(t), panels(t)
	shown := make(map[string]bool)
	for i, p := range all {
		for _, other := range all[:i] {
			if p.ID == other.ID || p.overlaps(other) {
				t.Errorf("%q and %q: the same id, or in each other's place", p.Title, other.Title)
			}
		}
		if p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d, %q: no title, description or target", p.ID, p.Title)
		}
		for _, target := range p.Targets {
			for _, problem := range k.wrong(target.Expr) {
				t.Errorf("%q: %s", p.Title, problem)
			}
			refs, _ := parse(target.Expr)
			for _, ref := range refs {
				shown[ref.name] = true
				if !slices.Contains(ref.matchers, matcher{"job", "=~", "$job"}) || !slices.Contains(ref.matchers, matcher{"instance", "=~", "$instance"}) {
					t.Errorf("%q: %s is shown of other instances than the chosen", p.Title, ref.name)
				}
			}
		}
	}
	for _, f := range families(t) {
		name := f.GetName()
		if strings.HasPrefix(name, "socksctl_") && !shown[name] && !shown[name+"_bucket"] {
			t.Errorf("%s is not shown", name)
		}
	}
}

// row is a line of a table in docs/metrics.md, as its cells.
var row = regexp.MustCompile("(?m)^\\| (`socksctl_[^|]*)\\| ([^|]*)\\| ([^|]*)\\| ([^|]*)\\| ([^|]*)\\|$")

// quoted is a word in a cell.
var quoted = regexp.MustCompile("`([^`]+)`")

func wordsOf(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// The page has every metric with its kind and labels, and the alert for it; and
// every alert.
func TestDocumentedMetrics(t *testing.T) {
	page := read(t, "docs/metrics.md")
	about := make(map[string][]string) // alerts, by the metrics that they are about
	for _, a := range alerts(t) {
		refs, _ := parse(a.Expr)
		for _, ref := range refs[:1] {
			name := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(ref.name, "")
			about[name] = append(about[name], a.Alert)
		}
		if !strings.Contains(page, "`"+a.Alert+"`") {
			t.Errorf("%s is not on the page", a.Alert)
		}
	}
	documented := make(map[string][]string)
	for _, cells := range row.FindAllStringSubmatch(page, -1) {
		documented[wordsOf(cells[1])[0]] = cells[2:]
	}
	for _, f := range families(t) {
		cells, ok := documented[f.GetName()]
		delete(documented, f.GetName())
		if !ok {
			if strings.HasPrefix(f.GetName(), "socksctl_") {
				t.Errorf("%s is not on the page", f.GetName())
			}
			continue
		}
		named := wordsOf(cells[1])
		slices.Sort(named)
		if diff := cmp.Diff(labels(f), named); diff != "" {
			t.Errorf("%s: labels: -want +got:\n%s", f.GetName(), diff)
		}
		if want := strings.ToLower(f.GetType().String()); strings.TrimSpace(cells[0]) != want {
			t.Errorf("%s: got kind %s, want %s", f.GetName(), cells[0], want)
		}
		if diff := cmp.Diff(about[f.GetName()], wordsOf(cells[3])); diff != "" {
			t.Errorf("%s: alerts: -want +got:\n%s", f.GetName(), diff)
		}
	}
	for name := range documented {
		t.Errorf("%s is on the page, and there is no such metric", name)
	}
}

// So it has every value of the labels.
func TestDocumentedLabels(t *testing.T) {
	_, page, _ := strings.Cut(read(t, "docs/metrics.md"), "## The labels")
	named := wordsOf(page)
	for name, labels := range knownMetrics(t) {
		for label, values := range labels {
			for _, value := range values {
				free := label == "listener" || label == "server" || strings.HasPrefix(name, "socksctl_build_info")
				if strings.HasPrefix(name, "socksctl_") && !free && !slices.Contains(named, value) {
					t.Errorf("%s{%s=%q} is not on the page", name, label, value)
				}
			}
		}
	}
}
