package check_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// row is a line of a table in docs/troubleshooting.md that has a cause.
type row struct {
	cause    client.Cause
	messages []string // in backquotes; "..." stands for anything
	next     string
}

// pageRows returns the rows of the page.
func pageRows(t *testing.T) (rows []row) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		cause, ok := strings.CutPrefix(cells[0], "| `")
		if !ok || len(cells) != 4 || !strings.HasSuffix(cause, "`") {
			continue
		}
		r := row{cause: client.Cause(strings.TrimSuffix(cause, "`")), next: cells[3]}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			r.messages = append(r.messages, m[1])
		}
		rows = append(rows, r)
	}
	return rows
}

// comparePage holds the page to have every cause that was provoked, no other, and of
// each what was said.
func comparePage(t *testing.T, said map[client.Cause]string) {
	t.Helper()
	listed := make(map[client.Cause]bool)
	for _, r := range pageRows(t) {
		listed[r.cause] = true
		if len(r.messages) == 0 || len(strings.Trim(r.next, " |\n")) == 0 {
			t.Errorf("%s: the page has no message, or not what to do", r.cause)
		}
		for _, m := range r.messages {
			if !pattern(m).MatchString(said[r.cause]) {
				t.Errorf("%s: the page has %q, which is said by none of\n%s", r.cause, m, said[r.cause])
			}
		}
	}
	for cause, text := range said {
		if !listed[cause] {
			t.Errorf("the page has nothing on %s:\n%s", cause, text)
		}
	}
}

// pattern returns what matches a message of the page.
func pattern(message string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(message), `\.\.\.`, ".*"))
}
