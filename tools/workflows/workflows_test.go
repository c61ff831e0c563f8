package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository, as seen from here.
const root = "../.."

// workflows returns the text of each workflow.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || len(paths) < 6 {
		t.Fatalf("got %q, %v", paths, err)
	}
	all := make(map[string]string)
	for _, path := range paths {
		all[filepath.Base(path)] = read(t, path)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// An action is what its commit is; a tag of its repository may be moved. The version
// stands behind it for the reader, and for Dependabot.
func TestActionsArePinned(t *testing.T) {
	uses := regexp.MustCompile(`(?m)^\s*(?:- )?uses: *(.*)$`)
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	commits := make(map[string]string) // one action is everywhere at one commit
	for name, text := range workflows(t) {
		for _, use := range uses.FindAllStringSubmatch(text, -1) {
			action, commit, _ := strings.Cut(use[1], "@")
			if !pinned.MatchString(use[1]) {
				t.Errorf("%s: %s is not pinned by a commit with its version behind it", name, use[1])
			}
			if other := commits[action]; other != "" && other != commit {
				t.Errorf("%s: %s at %s, and elsewhere at %s", name, action, commit, other)
			}
			commits[action] = commit
		}
	}
	if len(commits) < 3 {
		t.Errorf("got %d actions", len(commits))
	}
}

// A workflow may read the source, and nothing else: but for the release, which may
// what it publishes with, in its one job. No step keeps the token that the source was
// checked out with.
func TestLeastRights(t *testing.T) {
	for name, text := range workflows(t) {
		want := "\npermissions:\n  contents: read\n\n"
		if name == "release.yml" {
			want = "\npermissions: {}\n\n"
		}
		if !strings.Contains(text, want) || strings.Count(text, "\npermissions:") != 1 {
			t.Errorf("%s does not say%s", name, want)
		}
		if writes := strings.Count(text, ": write"); writes > 0 != (name == "release.yml") {
			t.Errorf("%s may write in %d ways", name, writes)
		}
		if got, want := strings.Count(text, "persist-credentials: false"), strings.Count(text, "actions/checkout@"); got != want {
			t.Errorf("%s: %d of %d checkouts leave the token out", name, got, want)
		}
		if strings.Contains(text, "pull_request_target") {
			t.Errorf("%s runs what a stranger wrote with the rights of the repository", name)
		}
		if limits, jobs := strings.Count(text, "timeout-minutes:"), strings.Count(text, "runs-on:"); limits != jobs {
			t.Errorf("%s: %d of %d jobs have a limit of time", name, limits, jobs)
		}
	}
}

// Secrets go to the one command that publishes, and into no script.
func TestSecrets(t *testing.T) {
	secret := regexp.MustCompile(`(?m)^(.*)\$\{\{ secrets\.`)
	assigned := regexp.MustCompile(`^ +(?:[A-Z0-9_]+|password): $`)
	for name, text := range workflows(t) {
		for _, m := range secret.FindAllStringSubmatch(text, -1) {
			if name != "release.yml" || !assigned.MatchString(m[1]) {
				t.Errorf("%s: a secret in %q", name, m[1])
			}
		}
	}
}

// The workflows have the Go of go.mod.
func TestGoVersion(t *testing.T) {
	minor := regexp.MustCompile(`(?m)^go (1\.\d+)\.`).FindStringSubmatch(read(t, filepath.Join(root, "go.mod")))[1]
	version := regexp.MustCompile(`(?m)^ +go-version: (.*)$`)
	for name, text := range workflows(t) {
		for _, m := range version.FindAllStringSubmatch(text, -1) {
			if m[1] != `"`+minor+`"` && name != "canary.yml" {
				t.Errorf("%s: Go %s, want %s", name, m[1], minor)
			}
		}
	}
}

// Each make target and script that a workflow runs exists.
func TestCommands(t *testing.T) {
	makefile := read(t, filepath.Join(root, "Makefile"))
	command := regexp.MustCompile(`(?:run: |&& )(make [\w-]+|\.?[\w-]+/[\w/-]+)`)
	for name, text := range workflows(t) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			target, ok := strings.CutPrefix(m[1], "make ")
			if ok && !strings.Contains(makefile, "\n"+target+":") {
				t.Errorf("%s: there is no target %s", name, target)
			}
			if _, err := os.Stat(filepath.Join(root, m[1])); !ok && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What actionlint knows of workflows: their keys, contexts, expressions and runners.
func TestActionlint(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", append([]string{"tool", "actionlint", "-shellcheck=", "-pyflakes="}, paths...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
