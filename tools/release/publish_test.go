//go:build linux

package release

import (
	"errors"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// shipped is a release as the workflow makes it, on a hub, a registry and with a key of
// the test's own.
type shipped struct {
	*hub
	dir   string // the checkout
	key   string // the public half
	apple *apple
	image string // by its digest
	build string // what docker was given: context and arguments
}

// publish makes it once, for all tests.
var publish = sync.OnceValues(func() (*shipped, error) {
	p := &shipped{hub: newHub(), dir: filepath.Join(os.TempDir(), "published"), build: filepath.Join(os.TempDir(), "docker")}
	images := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	repository := strings.TrimPrefix(images.URL, "http://") + "/socksctl/socksctl"
	var err error
	if p.apple, err = newApple(); err != nil {
		return nil, err
	}
	if p.image, err = pushed(repository); err != nil {
		return nil, err
	}
	environ, err := p.environment()
	if err != nil {
		return nil, err
	}
	if err := tagged(p.dir, strings.NewReplacer(
		"ghcr.io/socksctl/socksctl", repository,
		"[linux, darwin, windows, freebsd]", "[linux, darwin, windows]", // what is listed elsewhere
	), "\ngithub_urls: { api: "+p.url+", upload: "+p.url+" }\n"); err != nil {
		return nil, err
	}
	path, err := goreleaser()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("make", "release", "GORELEASE="+path)
	cmd.Dir, cmd.Env = p.dir, environ
	_, err = output(cmd)
	return p, err
})

// pushed puts an image into a registry, in the place of the one that docker would, and
// returns it by its digest.
func pushed(repository string) (string, error) {
	image, err := random.Image(1, 1)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		return "", err
	}
	return ref.String(), remote.Write(ref, image)
}

// environment has the secrets of the workflow, and a key that cosign signs with instead
// of asking the services of sigstore.
func (p *shipped) environment() ([]string, error) {
	tools := filepath.Join(os.TempDir(), "tools")
	p.key = filepath.Join(tools, "test.pub")
	docker, err := filepath.Abs("testdata/docker")
	if err != nil {
		return nil, err
	}
	cosign, err := tool("cosign")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(tools, 0o755), os.Symlink(docker, tools+"/docker"), os.Symlink(cosign, tools+"/cosign")); err != nil {
		return nil, err
	}
	_, digest, _ := strings.Cut(p.image, "@")
	environ := append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "DOCKER_KEEPS="+p.build, "DOCKER_DIGEST="+digest,
		"GITHUB_TOKEN=of-github", "SCOOP_TOKEN=of-scoop", "WINGET_TOKEN=of-winget", "HOMEBREW_TOKEN=of-homebrew",
		"MACOS_SIGN_P12="+p.apple.p12, "MACOS_SIGN_PASSWORD=secret of the test", "HTTP_PROXY="+p.apple.proxy,
		"COSIGN_PASSWORD=of the test")
	keys := exec.Command(cosign, "generate-key-pair", "--output-key-prefix", tools+"/test")
	keys.Env = environ
	_, err = output(keys)
	return append(environ, "COSIGN_KEY="+tools+"/test.key", "COSIGN_USE_SIGNING_CONFIG=false", "COSIGN_TLOG_UPLOAD=false"), err
}

// tagged makes a checkout of a version that has been tagged as CONTRIBUTING.md says, with
// other words in goreleaser.yaml.
func tagged(dir string, replaced *strings.Replacer, appended string) error {
	if _, err := output(exec.Command("git", "clone", "-q", root, dir)); err != nil {
		return err
	}
	for file, change := range map[string]func(string) string{
		"CHANGELOG.md":    func(s string) string { return strings.Replace(s, "## [Unreleased]", "## [1.2.3] - 2026-01-02", 1) },
		"goreleaser.yaml": func(s string) string { return replaced.Replace(s) + appended },
	} {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(change(string(text))), 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"commit", "-q", "-a", "-m", "release: 1.2.3"}, {"tag", "v1.2.3"}} {
		if _, err := output(exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@localhost"}, args...)...)); err != nil {
			return err
		}
	}
	return nil
}

func release(t *testing.T) *shipped {
	t.Helper()
	p, err := publish()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A tag becomes a release with its notes and with all files, whose list is signed.
func TestPublish(t *testing.T) {
	p := release(t)
	notes := exec.Command("tools/release/notes", "v1.2.3")
	notes.Dir = p.dir
	if want := must(t, notes); strings.TrimSpace(p.notes) != strings.TrimSpace(want) || !p.public {
		t.Errorf("public is %v, with notes\n%s\nwant\n%s", p.public, p.notes, want)
	}
	want := make(map[string]string)
	for line := range strings.Lines(read(t, p.dir+"/dist/checksums.txt")) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = sum
	}
	for _, name := range []string{"checksums.txt", "checksums.txt.sigstore.json"} {
		want[name] = sum(t, p.dir+"/dist/"+name)
	}
	if !maps.Equal(p.assets, want) || len(want) < 6+4+6+2 {
		t.Errorf("got files\n%q\nwant\n%q", slices.Sorted(maps.Keys(p.assets)), slices.Sorted(maps.Keys(want)))
	}
}

// Each list goes where it belongs, with its own token.
func TestListed(t *testing.T) {
	p := release(t)
	want := []string{"of-homebrew homebrew-tap Casks/socksctl.rb", "of-scoop scoop-bucket bucket/socksctl.json"}
	for _, kind := range []string{"installer", "locale.en-US", ""} {
		want = append(want, "of-winget winget-pkgs manifests/s/socksctl/socksctl/1.2.3/socksctl.socksctl."+strings.TrimPrefix(kind+".yaml", "."))
	}
	if got := slices.Sorted(maps.Keys(p.files)); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if want := []string{"of-winget microsoft/winget-pkgs socksctl:winget-pkgs:socksctl-1.2.3"}; !slices.Equal(p.pulls, want) {
		t.Errorf("got requests %q, want %q", p.pulls, want)
	}
}

// cosign runs the line of SECURITY.md that begins so, in a directory. What the identity of
// the workflow is there is the key of the test here, and no log is asked.
func (p *shipped) cosign(t *testing.T, dir, begins string) error {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + begins + `(?:.*\\\n)*.*$`).FindString(read(t, root+"/SECURITY.md"))
	identity := regexp.MustCompile(`--certificate-(?:oidc-issuer|identity-regexp) (?:'[^']*'|\S+)`)
	if got := len(identity.FindAllString(line, -1)); got != 2 {
		t.Fatalf("%s: got %d ways to say who signs, want 2: %q", begins, got, line)
	}
	line = identity.ReplaceAllString(line, "") + " --private-infrastructure --key " + p.key
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(p.key)+":"+os.Getenv("PATH"))
	_, err := output(cmd)
	return err
}

// What SECURITY.md has people verify is what a release signs, and nothing else passes.
func TestSigned(t *testing.T) {
	p := release(t)
	if err := p.cosign(t, p.dir+"/dist", "cosign verify-blob"); err != nil {
		t.Error(err)
	}
	changed := t.TempDir()
	must(t, exec.Command("sh", "-c", `cp "$1"/checksums.txt* "$2" && echo >>"$2"/checksums.txt`, "sh", p.dir+"/dist", changed))
	if err := p.cosign(t, changed, "cosign verify-blob"); err == nil {
		t.Error("another list passes")
	}
}
