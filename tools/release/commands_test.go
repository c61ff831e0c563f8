//go:build linux

package release

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// commands returns those of the documents that are about what is published: the blocks
// marked "sh release", which no walk can run. Lines that go on are one.
func commands(t *testing.T) (all []string) {
	t.Helper()
	for _, page := range []string{"README.md", "SECURITY.md", "docs/install.md"} {
		for _, block := range strings.Split(read(t, filepath.Join(root, page)), "```sh release\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", "")) {
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no page has such commands")
	}
	return all
}

// What the documents say of a release, goreleaser.yaml publishes, by the same names.
// Each command is held by one of these, or by TestDocumentedArchive.
func TestDocumentedCommands(t *testing.T) {
	var c published
	if err := yaml.Unmarshal([]byte(read(t, root+"/goreleaser.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	known := map[string]func(t *testing.T, words []string){
		"sudo dpkg": func(t *testing.T, words []string) { one(t, last(words)) },
		"sudo rpm":  func(t *testing.T, words []string) { one(t, last(words)) },
		"sha256sum": func(t *testing.T, words []string) {
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Dir = snapshot(t)
			must(t, cmd)
		},
		"brew":   func(t *testing.T, words []string) { same(t, last(words), c.cask()) },
		"scoop":  func(t *testing.T, words []string) { c.checkScoop(t, words) },
		"winget": func(t *testing.T, words []string) { same(t, last(words), c.Winget[0].Package) },
		"docker": func(t *testing.T, words []string) { same(t, image(words), c.Images[0].Images[0]) },
		"cosign": func(t *testing.T, words []string) { c.checkCosign(t, words) },
		"go":     func(t *testing.T, words []string) { same(t, last(words), module(t)+"/cmd/socksctl@latest") },
	}
	archive := lines(t, "From an archive")
	for _, command := range commands(t) {
		words := strings.Fields(command)
		check := known[words[0]]
		if words[0] == "sudo" {
			check = known[words[0]+" "+words[1]]
		}
		switch {
		case check != nil:
			t.Run(words[0], func(t *testing.T) { check(t, words) })
		case !strings.Contains(archive, command+"\n") && !aboutThisHost.MatchString(command):
			t.Errorf("nothing holds %q to what is published", command)
		}
	}
}

// aboutThisHost matches what is done with a release once it is there.
var aboutThisHost = regexp.MustCompile(`^sudo(edit| systemctl| install -d) `)

// published is what goreleaser.yaml says of that.
type published struct {
	Images []struct{ Images []string } `yaml:"dockers_v2"`
	Signs  []struct{ Signature string }
	Casks  []struct{ Repository repository } `yaml:"homebrew_casks"`
	Scoops []struct{ Repository repository }
	Winget []struct {
		Package string `yaml:"package_identifier"`
	}
}

type repository struct{ Owner, Name string }

// cask is its name for brew, which leaves out a part of the repository's.
func (c published) cask() string {
	r := c.Casks[0].Repository
	return r.Owner + "/" + strings.TrimPrefix(r.Name, "homebrew-") + "/socksctl"
}

func (c published) checkScoop(t *testing.T, words []string) {
	r := c.Scoops[0].Repository
	want := "scoop bucket add socksctl https://github.com/" + r.Owner + "/" + r.Name + "; scoop install socksctl"
	same(t, strings.Join(words, " "), want)
}

// checkCosign holds a command to name the signature that a release has, and the
// workflow that makes it.
func (c published) checkCosign(t *testing.T, words []string) {
	command := strings.Join(words, " ")
	bundle := strings.ReplaceAll(c.Signs[0].Signature, "${artifact}", "checksums.txt")
	if words[1] == "verify-blob" && !strings.Contains(command, " --bundle "+bundle+" ") {
		t.Errorf("%s does not name %s", command, bundle)
	}
	pattern := regexp.MustCompile(strings.Trim(last(words), "'"))
	if who := "https://github.com/socksctl/socksctl/.github/workflows/release.yml@refs/tags/v1.2.3"; !pattern.MatchString(who) || pattern.MatchString("https://example.com/"+who) {
		t.Errorf("%s is not about %s alone", pattern, who)
	}
	if workflow := read(t, root+"/.github/workflows/release.yml"); !strings.Contains(workflow, "id-token: write") {
		t.Error("the workflow has no identity to sign by")
	}
}

func module(t *testing.T) string {
	t.Helper()
	path, _, _ := strings.Cut(strings.TrimPrefix(read(t, root+"/go.mod"), "module "), "\n")
	return path
}

// image is the first of the words that names one.
func image(words []string) string {
	for _, word := range words {
		if strings.HasPrefix(word, "ghcr.io/") {
			return word
		}
	}
	return ""
}

func last(words []string) string { return words[len(words)-1] }

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the document has %q, want %q", got, want)
	}
}
