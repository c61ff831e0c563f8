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

// checkoutPrelude goes to the checkout, where what is written is thrown away. What is
// built there is the program under test, which has been built: to do it again takes
// minutes. quickstart is tried as it says itself. What make would do else takes long
// too, or runs these tests: that it knows how is enough.
const checkoutPrelude = `
enter_checkout() {
	mkdir over
	mount -t tmpfs tmpfs over
	mkdir over/upper over/work
	mount -t overlay -o "lowerdir=$CHECKOUT,upperdir=$PWD/over/upper,workdir=$PWD/over/work" overlay "$CHECKOUT"
	cd "$CHECKOUT"
}
./socksctl() { PROGRAM=$PWD/socksctl socksctl "$@"; }
make() {
	if [ "$*" = build ]; then
		printf '#!/bin/sh\n[ "$*" = "build -trimpath -o socksctl ./cmd/socksctl" ] && cp "$PROGRAM" socksctl' >"$HOME/built"
		chmod +x "$HOME/built"
		command make build "GO=$HOME/built"
	else
		command make -C "$CHECKOUT" --dry-run "$@" >/dev/null
	fi
}
.ci/run() { test -x .ci/run; }
go() {
	[ "$1 $3" = 'run quickstart' ] || { command go "$@"; return; }
	[ "$(command go list -f '{{.Name}}' "$2")" = main ]
	"$PROGRAM" "${@:3}" >quickstart.log 2>&1 &
	running[quickstart]=$!
	until grep -q 'Ctrl-C' quickstart.log; do
		kill -0 "${running[quickstart]}" 2>/dev/null || { cat quickstart.log; return 1; }
		wait_a_little
	done
	$(grep '^  curl ' quickstart.log)
	finish quickstart
}
`
