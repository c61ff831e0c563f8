package sockstest_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/sockstest"
)

// TestDocs holds the table in docs/conformance.md against the suite: each
// statement has its row, and each test that a row names exists.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, exists := string(data), make(map[string]bool)
	for _, s := range sockstest.All() {
		if exists[s.Name] {
			t.Errorf("two tests are called %s", s.Name)
		}
		exists[s.Name] = true
		if !strings.Contains(doc, "`"+s.Name+"`") {
			t.Errorf("the table does not name %s", s.Name)
		}
	}
	for _, m := range regexp.MustCompile("`([0-9]{2}_[^`]+)`").FindAllStringSubmatch(doc, -1) {
		if !exists[m[1]] {
			t.Errorf("the table names %s, which does not exist", m[1])
		}
	}
	for n := 1; n <= 70; n++ {
		row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| %d \\| [^|]+ \\| (`%02d_|-)", n, n))
		if !row.MatchString(doc) {
			t.Errorf("the table has no row for statement %d", n)
		}
	}
}
