//go:build linux

package realtest_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// walked are the documents whose commands TestDocuments runs.
var walked = []string{"quick-start.md", "server.md", "forwarder.md", "certificates.md", "migration.md", "operations.md",
	"acl.md", "auth.md", "sessions.md", "history.md", "metrics.md",
	"scaling.md", "troubleshooting.md",
	"install.md", "performance.md", "../README.md", "../CONTRIBUTING.md"}

// walkProgram is the environment variable that says where the program under
// test is to a test binary that runs in a world of its own.
const walkProgram = "REALTEST_WALK_PROGRAM"

// walkLimit is how long all pages may take, on a machine that has more to do.
const walkLimit = 10 * time.Minute

// TestDocuments runs every command of the documents as it stands there: the
// blocks marked sh, and those marked console, which have to print what stands there
// too, where ... stands for what differs, in their order; blocks that are named for a
// file are written to it. They run on a host that reaches nothing but the host of the
// proxy, so that what works went through it.
func TestDocuments(t *testing.T) {
	socksctl := os.Getenv(walkProgram)
	if socksctl == "" {
		enterWorld(t)
		return
	}
	w := newWorld(t)
	for _, name := range walked {
		t.Run(filepath.Base(name), func(t *testing.T) { w.walk(t, socksctl, name) })
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
	_, page, _ := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	cmd := command("unshare", "--net", "--mount", self, "-test.run=^TestDocuments$/"+page, "-test.v")
	cmd.Env = append(cmd.Env, walkProgram+"="+socksctl(t), "CI="+os.Getenv("CI"))
	cmd.Env = append(cmd.Env, goCaches(t)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	if r := runWithin(t, walkLimit, cmd); r.err != nil || !strings.Contains(out.String(), "--- PASS") {
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
	if err := os.Symlink(deployed(t, ""), filepath.Join(dir, "deploy")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"socksctl", "socksctl-new"} { // what is installed
		if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	script := walkScript(string(text))
	if script == "" {
		t.Fatal("there is nothing to run")
	}
	if strings.Contains(script, "a.example.com") {
		script = "make_hosts\n" + script
	}
	w.emptyDatabase(t)
	net := "/proc/self/ns/net"
	if strings.HasPrefix(name, "../") { // of a checkout, on one host
		net, script = "/run/netns/server", "enter_checkout\n"+script
	}
	cmd := exec.CommandContext(t.Context(), "nsenter", "--net="+net, "unshare", "--mount", "bash", "-c", walkPrelude+fleetPrelude+checkoutPrelude+script)
	cmd.Dir = dir
	cmd.Env = append(environment(
		"PROGRAM="+program, "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir,
		"SOCKSCTL_SERVER_ADMIN=", "SOCKSCTL_FORWARD_ADMIN=", "SOCKSCTL_HISTORY_URL=", // as they are by default: /run and /var are the world's
		"CHECKOUT="+filepath.Dir(deployed(t, "")), "GOCACHE="+os.Getenv("GOCACHE"), "GOMODCACHE="+os.Getenv("GOMODCACHE"),
		"CURL_CA_BUNDLE="+w.ca, "SSL_CERT_FILE="+w.ca, "GIT_SSL_CAINFO="+w.ca,
	), "PATH="+w.bin+":"+os.Getenv("PATH"))
	if r := run(t, cmd); r.err != nil {
		t.Errorf("%v\n%s%s", r.err, r.stdout, r.stderr)
	}
}

// block is what a document has between fences.
type block struct {
	language string
	file     string // that it is written to
	runner   string // the test that runs its commands, if that is not TestDocuments
	body     string
}

var fence = regexp.MustCompile("(?ms)^```([^`\n]*)\n(.*?)^```$")

var fileName = regexp.MustCompile(`^[\w-]*[./][\w./-]*$`)

// blocks returns those of a document, in their order.
func blocks(text string) (all []block) {
	for _, found := range fence.FindAllStringSubmatch(text, -1) {
		language, name, _ := strings.Cut(found[1], " ")
		b := block{language: language, body: found[2]}
		if fileName.MatchString(name) {
			b.file = name
		} else if language == "sh" {
			b.runner = name
		}
		all = append(all, b)
	}
	return all
}

// walkScript returns the commands of a document, in their order.
func walkScript(text string) string {
	var script strings.Builder
	for _, b := range blocks(text) {
		switch {
		case b.runner != "":
		case b.language == "console":
			script.WriteString(walkShown(b.body))
		case b.file != "":
			script.WriteString("cat >" + b.file + " <<'END OF FILE'\n" + b.body + "END OF FILE\n")
		case b.language == "sh":
			script.WriteString(b.body)
		}
	}
	return script.String()
}

// shown is a command of a block marked console, and what it prints.
var shown = regexp.MustCompile(`(?m)^\$ ((?:.*\\\n)*.*\n)((?:[^$].*\n|\n)*)`)

// walkShown returns the commands of such a block, which have to print what is there.
func walkShown(body string) string {
	var script strings.Builder
	for _, command := range shown.FindAllStringSubmatch(body, -1) {
		script.WriteString("shows " + quoted(strings.TrimSpace(command[1])) + " " + quoted(command[2]) + "\n")
	}
	return script.String()
}

// quoted is a word for a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// walkPrelude makes socksctl what the documents call so: serve runs on the host
// of the proxy, and serve and forward beside what follows, in place of the one
// before, which it may take over from. systemctl starts and stops serve. The admin
// address is on the host of the proxy too. A page has folders of its own where services
// keep things. Who is asked for a password has one, and psql finds the tunnel that was
// started just before it.
const walkPrelude = `
set -euo pipefail
for dir in /etc/socksctl /etc/prometheus /run/socksctl /var/lib/socksctl /var/log/socksctl /var/backups; do
	mkdir -p "$dir"
	mount -t tmpfs -o mode=0700 tmpfs "$dir"
done
declare -A running
different=
on_server() { nsenter --net=/run/netns/server "$@"; }
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
	serve)
		[[ " $* " != *' --takeover '* ]] || handed_over=${running[serve]}
		[ -z "${handed_over-}" ] || { unset "running[serve]" && mv serve.log before.log; }
		beside serve nsenter --net=/run/netns/server "$PROGRAM" "$@"
		[ -z "${handed_over-}" ] || { wait "$handed_over" && handed_over=; } ;;
	sessions | reload) on_server "$PROGRAM" "$@" ;; # the history may be a database, which the laptop does not reach
	forward) beside forward "$PROGRAM" "$@" ;;
	user) printf 'correct horse battery staple\n' | "$PROGRAM" "$@" ;;
	*) "$PROGRAM" "$@" ;;
	esac
}
sudo() { "$@"; }
systemd-tmpfiles() { command systemd-tmpfiles --prefix=/etc/socksctl "$@"; }
systemctl() {
	case $* in
	'stop socksctl-serve') finish serve ;;
	'start socksctl-serve') socksctl serve --config /etc/socksctl/config.toml ;;
	'start socksctl-serve@'?) socksctl serve --takeover --config /etc/socksctl/config.toml ;;
	'enable --now socksctl-serve') systemctl enable socksctl-serve && systemctl start socksctl-serve ;;
	enable* | disable*) command systemctl "$@" ;;
	daemon-reload) ;;
	*) return 1 ;;
	esac
}
curl() {
	case $* in
	*127.0.0.1:9*) on_server curl "$@" ;;
	*) command curl "$@" ;;
	esac
}
promtool() { on_server promtool "$@"; }
prometheus() { exec nsenter --net=/run/netns/server prometheus "$@"; } # beside what follows
psql() {
	until (: <>/dev/tcp/127.0.0.1/5433) 2>/dev/null; do wait_a_little; done
	command psql "$@"
}
vague() { # figures that are others each time
	sed -E '
		s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?/TIME/g
		s/\b[0-9]{2}:[0-9]{2}:[0-9]{2}\b/TIME/g
		s/:[3-6][0-9]{4}\b/:PORT/g
		s/\b[0-9.]+ ([KM]i)?B/SIZE/g
		s/\b[0-9.]+(ms|s|m[0-9]+s)\b/DURATION/g
		s, (SIZE/s|-)( |$), RATE ,g
		s/ +/ /g; s/^ | $//g'
}
shows() { # a list and a status have what happened just now a little later
	local got status want pattern again=1
	want=$(vague <<<"${2%$'\n'}")
	pattern=$(sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g' <<<"$want")
	case $1 in
	'socksctl sessions '[!fk]* | 'socksctl sessions' | 'socksctl top'* | 'socksctl status'*) again=100 ;;
	'promtool query'*) again=500 ;; # Prometheus looks for targets, takes them and asks them after 5 s each
	esac
	while :; do
		status=0
		got=$(eval "$1" 2>&1) || status=$?
		got=$(vague <<<"$got")
		[[ $status == 0 && $got == $pattern ]] && return
		[ $((again -= 1)) -gt 0 ] || break
		wait_a_little
	done
	echo "status $status" >&2
	diff - /dev/fd/3 <<<"$want" 3<<<"$got" >&2 || true
	different+=$1$'\n'
}
at_exit() {
	local status=$?
	trap - EXIT
	[ -z "$different" ] || { echo "not on the page is what these print: $different" >&2; status=1; }
	for name in "${!running[@]}"; do finish "$name" || status=1; done
	[ $status = 0 ] || kill $(jobs -p) 2>/dev/null || true # what the page would have ended
	[ $status = 0 ] || tail -n 20 ./*.log >&2
	exit $status
}
trap at_exit EXIT
exec </dev/null
`
