package workflows

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Dependabot looks after every module of the repository that depends on another, and after
// the tools that one pins too.
func TestDependabot(t *testing.T) {
	direct, tools := listed(t)
	out, err := exec.Command("git", "-C", root, "ls-files", "go.mod", "**/go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for path := range strings.FieldsSeq(string(out)) {
		text := read(t, filepath.Join(root, path))
		dir := strings.TrimSuffix("/"+filepath.ToSlash(filepath.Dir(path)), "/.")
		if dir == "" {
			dir = "/"
		}
		switch {
		case strings.Contains(text, "\ntool ") && slices.Contains(tools, dir),
			strings.Contains(text, "\nrequire ") && !strings.Contains(text, "\ntool ") && slices.Contains(direct, dir):
			seen = append(seen, dir)
		case strings.Contains(text, "\nrequire "):
			t.Errorf("%s is not looked after, or not as it has to be", path)
		}
	}
	if all := len(direct) + len(tools); len(seen) != all || all < 5 {
		t.Errorf("got %q, want %q and %q", seen, direct, tools)
	}
}

// listed returns the modules whose direct dependencies are looked after, and those where
// all are.
func listed(t *testing.T) (direct, tools []string) {
	t.Helper()
	entry := regexp.MustCompile(`- package-ecosystem: gomod\n +directories: \[(.*)\]\n( +allow: \[\{ dependency-type: all \}\]\n)?`)
	for _, m := range entry.FindAllStringSubmatch(read(t, filepath.Join(root, ".github/dependabot.yml")), -1) {
		for dir := range strings.SplitSeq(m[1], ", ") {
			dir = strings.Trim(dir, `"`)
			if m[2] == "" {
				direct = append(direct, dir)
			} else {
				tools = append(tools, dir)
			}
		}
	}
	return direct, tools
}
