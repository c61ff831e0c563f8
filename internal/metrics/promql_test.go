package metrics_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reference is a metric in an expression of PromQL.
type reference struct {
	name     string
	matchers []matcher
}

// matcher is one condition in the braces of a reference.
type matcher struct{ label, op, value string }

// lexeme is a word with its dots and colons, a string, or a sign of one or two bytes.
var lexeme = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:.]*|"(?:[^"\\]|\\.)*"|[0-9.]+[a-z]*|\$\w+|[=!]~|[=!><]=|\S`)

// ofLists are the words before a list of labels.
var ofLists = regexp.MustCompile(`^(by|without|on|ignoring|group_left|group_right)$`)

// words that stand alone and name no metric.
var words = regexp.MustCompile(`^(and|or|unless|offset|bool)$`)

// parse finds the metrics in an expression, and the labels that it groups by. It
// reads what the expressions of this project have, and no more of the language.
func parse(expr string) (refs []reference, grouped []string) {
	all := lexeme.FindAllString(expr, -1)
	at := func(i int) string {
		if i < len(all) {
			return all[i]
		}
		return ""
	}
	for i := 0; i < len(all); i++ {
		switch word := all[i]; {
		case !regexp.MustCompile(`^[a-zA-Z_]`).MatchString(word), words.MatchString(word):
		case ofLists.MatchString(word):
			for i++; at(i) != ")" && at(i) != ""; i++ {
				if w := at(i); w != "(" && w != "," {
					grouped = append(grouped, w)
				}
			}
		case at(i+1) == "(", ofLists.MatchString(at(i + 1)): // a function
		default:
			ref := reference{name: word}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}" && at(i) != ""; i++ {
					if at(i) != "," {
						ref.matchers = append(ref.matchers, matcher{at(i), at(i + 1), strings.Trim(at(i+2), `"`)})
						i += 2
					}
				}
			}
			refs = append(refs, ref)
		}
	}
	return refs, grouped
}

func TestParse(t *testing.T) {
	refs, grouped := parse(`histogram_quantile(0.9, sum by (job, le) (rate(a_bucket{x="1", y!~"b|c"}[5m]))) > 1e3
		and on (instance) b / time() offset 5m unless sum(c{job=~"$job"}[$__rate_interval]) without (z)`)
	want := []reference{
		{"a_bucket", []matcher{{"x", "=", "1"}, {"y", "!~", "b|c"}}}, {"b", nil}, {"c", []matcher{{"job", "=~", "$job"}}},
	}
	if diff := cmp.Diff(want, refs, cmp.AllowUnexported(reference{}, matcher{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"job", "le", "instance", "z"}, grouped); diff != "" {
		t.Errorf("grouped by: -want +got:\n%s", diff)
	}
}

// known is the metrics that there are: the values of each label, by name.
type known map[string]map[string][]string

// knownMetrics is what a scrape has, as Prometheus keeps it.
func knownMetrics(t *testing.T) known {
	t.Helper()
	k := known{"up": {}}
	for _, f := range families(t) {
		values := make(map[string][]string)
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				values[l.GetName()] = append(values[l.GetName()], l.GetValue())
			}
		}
		if f.GetType().String() != "HISTOGRAM" {
			k[f.GetName()] = values
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			k[f.GetName()+suffix] = values
		}
	}
	return k
}

// wrong returns what an expression names that is not there.
func (k known) wrong(expr string) (problems []string) {
	refs, grouped := parse(expr)
	labels := []string{"job", "instance", "le"}
	for _, ref := range refs {
		values, ok := k[ref.name]
		if !ok {
			problems = append(problems, "no metric "+ref.name)
		}
		for label := range values {
			labels = append(labels, label)
		}
		for _, m := range ref.matchers {
			problems = append(problems, m.wrong(ref.name, values)...)
		}
	}
	for _, label := range grouped {
		if !slices.Contains(labels, label) {
			problems = append(problems, "grouped by "+label+", which no metric of it has")
		}
	}
	if len(refs) == 0 {
		problems = append(problems, "no metric at all")
	}
	return problems
}

func (m matcher) wrong(name string, values map[string][]string) (problems []string) {
	if m.label == "job" || m.label == "instance" {
		return nil
	}
	if values[m.label] == nil {
		return []string{name + " has no label " + m.label}
	}
	for value := range strings.SplitSeq(m.value, "|") {
		if !slices.Contains(values[m.label], value) {
			problems = append(problems, name+" is never "+m.label+"="+value)
		}
	}
	return problems
}

func TestWrong(t *testing.T) {
	k := known{"a": {"x": {"1", "2"}}}
	for expr, want := range map[string][]string{
		`sum by (x, job) (a{x=~"1|2", job="any"})`: nil,
		`b`:                 {"no metric b"},
		`a{y="1"}`:          {"a has no label y"},
		`a{x=~"1|3"}`:       {"a is never x=3"},
		`sum by (z) (a)`:    {"grouped by z, which no metric of it has"},
		`1 + time()`:        {"no metric at all"},
		`rate(a_total[5m])`: {"no metric a_total"},
	} {
		if diff := cmp.Diff(want, k.wrong(expr)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", expr, diff)
		}
	}
}
