//go:build linux

package release

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The image holds the program where it is started from, as a user with a number, on a
// base that nobody can exchange.
func TestDockerfile(t *testing.T) {
	text := read(t, root+"/deploy/container/Dockerfile")
	for _, line := range []string{
		`FROM gcr\.io/distroless/static-debian\d+:nonroot@sha256:[0-9a-f]{64}`, `USER 65532:65532`,
		`COPY \$TARGETPLATFORM/socksctl /usr/bin/socksctl`, `ENTRYPOINT \["/usr/bin/socksctl"\]`, `CMD \["serve"\]`,
	} {
		if ok, _ := regexp.MatchString(`(?m)^`+line+`$`, text); !ok {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	if strings.Contains(text, "RUN ") || strings.Contains(text, "USER root") {
		t.Error("nothing runs while it is built, and nothing as root")
	}
}

// A release has docker build an image for each machine, push it under the names of its
// version, and say what is in it.
func TestImageBuild(t *testing.T) {
	p := release(t)
	args := strings.Split(strings.TrimSpace(read(t, p.build+"/arguments")), "\n")
	repository, _, _ := strings.Cut(p.image, "@")
	for _, want := range [][]string{
		{"--platform", "linux/amd64,linux/arm64"}, {"--push"}, {"--attest=type=sbom"},
		{"-t", repository + ":1.2.3"}, {"-t", repository + ":1.2"}, {"-t", repository + ":latest"},
		{"--label", "org.opencontainers.image.version=1.2.3"}, {"--annotation", "index:org.opencontainers.image.version=1.2.3"},
		{"--label", "org.opencontainers.image.licenses=MIT"},
	} {
		at := slices.Index(args, want[len(want)-1])
		if at < 0 || args[at-len(want)+1] != want[0] {
			t.Errorf("no %q in %q", want, args)
		}
	}
	if got := strings.Count(strings.Join(args, "\n"), "\n-t\n"); got != 3 {
		t.Errorf("got %d names, want 3: %q", got, args)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		built, err := os.ReadFile(filepath.Join(p.build, "linux", arch, "socksctl"))
		if err != nil {
			t.Fatal(err)
		}
		archived := readTar(t, filepath.Join(p.dir, "dist/socksctl_1.2.3_linux_"+arch+".tar.gz"))["socksctl"]
		if !bytes.Equal(built, archived.data) {
			t.Errorf("%s: the image has another program than the archive", arch)
		}
	}
}

// The image can be built from what docker is given, and serves by the lines of
// docs/install.md: as a user without rights, and with a root that nobody can write to. Its
// base is made here, for the real one lies in a registry.
func TestImage(t *testing.T) {
	for name, pkg := range map[string]string{"podman": "podman", "crun": "crun"} {
		program(t, name, pkg)
	}
	dir := t.TempDir()
	context := filepath.Join(dir, "context.tar")
	must(t, exec.Command("tar", "-cf", context, "-C", release(t).build, "."))
	file := filepath.Join(dir, "lines")
	if err := os.WriteFile(file, []byte(lines(t, "As a container")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := must(t, apart(t, "testdata/image", context, file)); !strings.HasSuffix(out, "\nserved\n") {
		t.Errorf("got %s", out)
	}
}
