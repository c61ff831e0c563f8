//go:build linux

package realtest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const nodePackages = "../../tools/node"

// installedPackages is the folder of the packages of tools/node, as its lock file has them.
var installedPackages = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(nodePackages)); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return filepath.Join(dir, "node_modules"), nil
})

// nodePackage returns the version of a package beside that of Node.
func nodePackage(name string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(nodePackages, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var packages struct{ Dependencies map[string]string }
		if err := json.Unmarshal(text, &packages); err != nil {
			t.Fatal(err)
		}
		return packages.Dependencies[name] + ", Node " + versionOf("node", "nodejs", "--version")(t)
	}
}

// tryNode has testdata/socks.cjs do something. What is fetched comes from the web
// server; the rest sends four bytes that come back.
func tryNode(whats ...string) func(t *testing.T, r rig) {
	return func(t *testing.T, r rig) {
		node := program(t, "node", "nodejs")
		program(t, "npm", "npm")
		modules, err := installedPackages()
		if err != nil {
			lacking(t, "packages of Node: "+err.Error()+"\n"+modules)
		}
		_, echo := splitHostPort(t, newEchoes(t).udp)
		r.both(t, func(t *testing.T, proxy string) {
			host, port := splitHostPort(t, proxy)
			for _, what := range whats {
				target, want := r.origin, streamChecksum(1<<16)
				if what == "udp" || what == "bind" {
					target, want = echo, textChecksum("ping")
				}
				cmd := command(node, "testdata/socks.cjs", what, host, port, target)
				cmd.Env = environment("NODE_PATH=" + modules)
				if got := textChecksum(mustRun(t, cmd)); got != want {
					t.Errorf("%s: got %s, want %s", what, got, want)
				}
			}
		})
	}
}
