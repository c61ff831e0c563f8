package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestReadmeWalkMutualTLS runs the commands of ours that README.md shows, in
// their order: serve and forward as processes beside the others. Only ports and
// the far host are others.
func TestReadmeWalkMutualTLS(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent SIGTERM there")
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, command := range readmeCommands(string(readme)) {
		writeStep(&script, command)
	}
	for _, name := range []string{"forward", "serve"} {
		fmt.Fprintf(&script, "signal %s TERM\nends %s 0\n", name, name)
	}
	for _, want := range []string{"socksctl cert ca", "start serve", "start forward", "socksctl udp-send", "socksctl check"} {
		if !strings.Contains(script.String(), want) {
			t.Fatalf("the walk has no %q:\n%s", want, &script)
		}
	}
	file := filepath.Join(t.TempDir(), "readme.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: []string{file}, Cmds: scriptCommands(), Setup: setUpScript, RequireExplicitExec: true,
	})
}

// readmeCommands returns the lines that begin with ./socksctl, joined where a
// backslash continues them.
func readmeCommands(readme string) (commands []string) {
	for line := range strings.Lines(strings.ReplaceAll(readme, "\\\n", "")) {
		if command, ok := strings.CutPrefix(line, "./socksctl "); ok {
			commands = append(commands, strings.ReplaceAll(strings.TrimSpace(command), `"`, "'"))
		}
	}
	return commands
}

// writeStep writes the script of one command.
func writeStep(script *strings.Builder, command string) {
	name, _, _ := strings.Cut(command, " ")
	switch name {
	case "serve":
		command = strings.Replace(command, "127.0.0.1:1443", "127.0.0.1:0", 1)
		fmt.Fprintf(script, "start serve %s\nawait serve '^listening on 127.0.0.1:(\\d+) \\(socks5\\+tls\\)$' TLSPORT\n", command)
	case "forward":
		command = strings.NewReplacer("127.0.0.1:1080", "127.0.0.1:0", "localhost:1443", "localhost:$TLSPORT").Replace(command)
		fmt.Fprintf(script, "start forward %s\nawait forward '^listening on (127.0.0.1:\\d+) \\(socks5\\)$' LOCAL\n", command)
	default:
		command = strings.NewReplacer("127.0.0.1:1080", "$LOCAL", "localhost:1443", "localhost:$TLSPORT", "echo.example.com:7", "$UDPECHO").Replace(command)
		fmt.Fprintf(script, "exec socksctl %s\n", command)
	}
}
