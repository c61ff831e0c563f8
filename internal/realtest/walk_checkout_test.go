//go:build linux

package realtest_test

import (
	"os/exec"
	"strings"
	"testing"
)

// goCaches is where the go command keeps things for who runs the tests: the world has
// another home, and nowhere to download from.
func goCaches(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	return []string{"GOCACHE=" + caches[0], "GOMODCACHE=" + caches[1]}
}

// checkoutPrelude goes to the checkout, where what is written is thrown away. There
// what make builds is the program, and quickstart is tried as it says itself. What make
// would do else takes long, or runs these tests: that it knows how is enough.
const checkoutPrelude = `
mkdir over
mount -t tmpfs tmpfs over
mkdir over/upper over/work
mount -t overlay -o "lowerdir=$CHECKOUT,upperdir=$PWD/over/upper,workdir=$PWD/over/work" overlay "$CHECKOUT"
cd "$CHECKOUT"
./socksctl() { PROGRAM=$PWD/socksctl socksctl "$@"; }
make() {
	case $* in
	build) command make "$@" ;;
	*) command make --dry-run "$@" >/dev/null ;;
	esac
}
.ci/run() { test -x .ci/run; }
go() {
	[ "$*" = 'run ./cmd/socksctl quickstart' ] || { command go "$@"; return; }
	setsid go "$@" >quickstart.log 2>&1 &
	local shown=$!
	until grep -q 'Ctrl-C' quickstart.log; do
		kill -0 "$shown" 2>/dev/null || { cat quickstart.log; return 1; }
		wait_a_little
	done
	$(grep '^  curl ' quickstart.log)
	kill -INT -- "-$shown"
	wait "$shown" || true # go run has a status of its own
}
`
