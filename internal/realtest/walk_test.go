//go:build linux

package realtest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// walked are the documents whose commands TestDocuments runs.
var walked = []string{"quick-start.md", "server.md", "forwarder.md", "certificates.md", "migration.md", "operations.md"}

// walkProgram is the environment variable that says where the program under
// test is to a test binary that runs in a world of its own.
const walkProgram = "REALTEST_WALK_PROGRAM"

// TestDocuments runs every command of the documents as it stands there: the
// blocks marked sh, in their order, and those of configuration that are named
// for a file are written to it first. They run on a host that reaches nothing
// but the host of the proxy, so that what works went through it.
func TestDocuments(t *testing.T) {
	socksctl := os.Getenv(walkProgram)
	if socksctl == "" {
		enterWorld(t)
		return
	}
	w := newWorld(t)
	for _, name := range walked {
		t.Run(name, func(t *testing.T) { w.walk(t, socksctl, name) })
	}
}

// enterWorld runs the test again, where network and mounts are its own.
func enterWorld(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "a network of its own takes root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command("unshare", "--net", "--mount", self, "-test.run=^TestDocuments$", "-test.v")
	cmd.Env = append(cmd.Env, walkProgram+"="+socksctl(t), "CI="+os.Getenv("CI"))
	var out bytes.Buffer
	cmd.Stdout = &out
	if r := run(t, cmd); r.err != nil || !strings.Contains(out.String(), "--- PASS") {
		t.Errorf("%v\n%s%s", r.err, &out, r.stderr)
	}
}

// walk runs the commands of a document.
func (w *world) walk(t *testing.T, program, name string) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "w") // short enough for a socket's name; it goes with all that the tests leave
	if err != nil {
		t.Fatal(err)
	}
	script := walkScript(atHome(t, dir, string(text)))
	if !strings.Contains(script, "socksctl ") {
		t.Fatal("there is nothing to run")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", walkPrelude+script)
	cmd.Dir = dir
	cmd.Env = append(environment(
		"PROGRAM="+program, "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir,
		"CURL_CA_BUNDLE="+w.ca, "SSL_CERT_FILE="+w.ca, "GIT_SSL_CAINFO="+w.ca,
	), "PATH="+w.bin+":"+os.Getenv("PATH"))
	if strings.Contains(script, "[history]") { // it says where everything is
		cmd.Env = append(cmd.Env, "SOCKSCTL_SERVER_ADMIN=", "SOCKSCTL_HISTORY_URL=")
	}
	if r := run(t, cmd); r.err != nil {
		t.Errorf("%v\n%s%s", r.err, r.stdout, r.stderr)
	}
}

// atHome returns a document with the directories of a system in a directory of the
// test's, where they are made.
func atHome(t *testing.T, dir, text string) string {
	t.Helper()
	for _, of := range []string{"/etc/socksctl", "/etc/prometheus", "/run/socksctl", "/var/lib/socksctl", "/var/log/socksctl", "/var/backups"} {
		if strings.Contains(text, of) {
			if err := os.MkdirAll(dir+of, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		text = strings.ReplaceAll(text, of, dir+of)
	}
	deploy, err := filepath.Abs("../../deploy")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, " deploy/", " "+deploy+"/")
}

// fence is a block of a document: its language, the file that it is named for,
// and its text.
var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: ([\\w./-]+))?\n(.*?)^```$")

// walkScript returns the commands of a document, in their order.
func walkScript(text string) string {
	var script strings.Builder
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		switch language, file, body := block[1], block[2], block[3]; {
		case language == "sh":
			script.WriteString(body)
		case file != "":
			script.WriteString("cat >" + file + " <<'END OF FILE'\n" + body + "END OF FILE\n")
		}
	}
	return script.String()
}

// walkPrelude makes socksctl what the documents call so: serve runs on the host
// of the proxy, and serve and forward beside what follows, in place of the one
// before; systemctl stops and starts serve; the admin address is on that host too; who is
// asked for a password has one; and psql finds the tunnel that was started just before it.
const walkPrelude = `
set -euo pipefail
declare -A running
wait_a_little() { sleep 0.05; }
finish() { kill "${running[$1]}" && wait "${running[$1]}" && unset "running[$1]"; }
beside() {
	local name=$1
	shift
	[ -z "${running[$name]-}" ] || finish "$name"
	: >"$name.log" # what the one before said counts no more, also before the next has begun
	"$@" 2>"$name.log" </dev/null &
	running[$name]=$!
	until grep -q '^listening on' "$name.log"; do
		kill -0 "${running[$name]}" 2>/dev/null || { cat "$name.log" >&2; return 1; }
		wait_a_little
	done
}
socksctl() {
	case ${1-} in
	serve) beside serve nsenter --net=/run/netns/server "$PROGRAM" "$@" ;;
	forward) beside forward "$PROGRAM" "$@" ;;
	user) printf 'correct horse battery staple\n' | "$PROGRAM" "$@" ;;
	*) "$PROGRAM" "$@" ;;
	esac
}
systemctl() {
	case $* in
	'stop socksctl-serve') finish serve ;;
	'start socksctl-serve') socksctl serve --config "$HOME/etc/socksctl/config.toml" ;;
	*) return 1 ;;
	esac
}
curl() {
	case $* in
	*127.0.0.1:9180*) nsenter --net=/run/netns/server curl "$@" ;;
	*) command curl "$@" ;;
	esac
}
psql() {
	until (: <>/dev/tcp/127.0.0.1/5433) 2>/dev/null; do wait_a_little; done
	command psql "$@"
}
at_exit() {
	local status=$?
	trap - EXIT
	for name in "${!running[@]}"; do finish "$name" || status=1; done
	[ $status = 0 ] || tail -n 20 ./*.log >&2
	exit $status
}
trap at_exit EXIT
exec </dev/null
`
