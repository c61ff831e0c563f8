package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// builder makes the programs of a run, in a directory that stays: what has not
// changed is not built again.
type builder struct {
	root string // of the repository
	log  io.Writer
}

// programs builds what is measured. A peer that cannot be built is left out, with
// a line about it; without socksctl there is no run.
func (b builder) programs(ctx context.Context) (p subject.Programs, err error) {
	if p.Root, err = filepath.Abs(b.root); err != nil {
		return p, err
	}
	if p.Socksctl, err = b.build(ctx, "socksctl", ".", "./cmd/socksctl"); err != nil {
		return p, err
	}
	p.ThingsGo = b.peer(ctx, "things-go", "bench/peers/things-go", ".")
	p.SingBox = b.peer(ctx, "sing-box", "bench/peers/sing-box", "github.com/sagernet/sing-box/cmd/sing-box")
	return p, nil
}

func (b builder) peer(ctx context.Context, name, dir, pkg string) string {
	path, err := b.build(ctx, name, dir, pkg)
	if err != nil {
		fmt.Fprintf(b.log, "%s is left out: %v\n", name, err)
		return ""
	}
	return path
}

// build builds as releases are built: without cgo.
func (b builder) build(ctx context.Context, name, dir, pkg string) (string, error) {
	path, err := filepath.Abs(filepath.Join(b.root, results, "bin", name))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(b.log, "building %s\n", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Dir = filepath.Join(b.root, dir)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// commit names what socksctl is built from; outside a repository nothing does. The
// documents are not built, and reports of before are among them.
func (b builder) commit(ctx context.Context) string {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", b.root}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	name, err := git("describe", "--always", "--exclude=*")
	if err != nil {
		return ""
	}
	if _, changed := git("diff", "--quiet", "HEAD", "--", ".", ":!docs"); changed != nil {
		name += "-dirty"
	}
	return name
}
