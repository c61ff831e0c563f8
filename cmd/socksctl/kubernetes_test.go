package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifest is what a test here wants to know of a Kubernetes object.
type manifest struct {
	Kind string            `yaml:"kind"`
	Data map[string]string `yaml:"data"`
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Args []string `yaml:"args"`
				} `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

// TestKubernetesServes serves what the deployment does, but for the directory and
// the addresses, which a test may not take.
func TestKubernetesServes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy", "kubernetes", "socksctl.yaml"))
	check(t, err)
	g := newGrounds(t)
	paths := strings.NewReplacer("/etc/socksctl/server/tls.crt", g.file("server.crt"), "/etc/socksctl/server/tls.key", g.file("server.key"),
		"/etc/socksctl/clients", g.file(""), "/etc/socksctl/config", g.file(""), "/etc/socksctl/admin", g.file(""),
		`":1443"`, `"127.0.0.1:0"`, `":9180"`, `"127.0.0.1:0"`)
	var args []string
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for range bytes.Count(text, []byte("\n---\n")) + 1 {
		var m manifest
		check(t, decoder.Decode(&m))
		for name, data := range m.Data {
			write(t, g.file(name), []byte(paths.Replace(data)))
		}
		for _, c := range m.Spec.Template.Spec.Containers {
			args = append(args, c.Args...)
		}
	}
	write(t, g.file("token"), []byte("a token\n"))
	checkLine(t, rootCommand(streams{}), args)
	config := args[len(args)-1]
	if want := "/etc/socksctl/config/server.toml"; config != want {
		t.Fatalf("the configuration is %s, want %s", config, want)
	}
	l, err := loadWith(t, "server.toml", string(read(t, g.file("server.toml"))))
	check(t, err)
	v, err := newServe(&l.Server, nil, slog.New(slog.DiscardHandler))
	check(t, err)
	defer closeAll(v.secure)
	check(t, v.check())
	check(t, v.openAdmin())
	closeAll(v.admin.listeners)
	if len(v.plain) != 0 || len(v.secure) != 1 {
		t.Errorf("got %d plain listeners and %d with TLS, want one with TLS", len(v.plain), len(v.secure))
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	return text
}
