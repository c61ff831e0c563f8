//go:build linux

package realtest_test

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
)

// database puts a PostgreSQL on the internet, which has TLS and the role that everyone
// has there.
func (w *world) database(t *testing.T) {
	t.Helper()
	c := databases(t)
	w.cluster = c
	certificate, key := readFile(t, filepath.Join(w.dir, "web.crt")), readFile(t, filepath.Join(w.dir, "web.key"))
	if err := errors.Join(c.Secure(t.Context(), []byte(certificate), []byte(key)), c.Exec(t.Context(), "CREATE ROLE postgres SUPERUSER LOGIN")); err != nil {
		t.Fatal(err)
	}
	inetdAt(t, onInternet(t, net.Listen, "tcp", originAddr+":5432"), program(t, "socat", "socat"), "-", "TCP:"+c.Address())
}

// emptyDatabase takes away what the page before has made there.
func (w *world) emptyDatabase(t *testing.T) {
	t.Helper()
	for _, statement := range []string{"DROP DATABASE IF EXISTS socksctl WITH (FORCE)", "DROP ROLE IF EXISTS socksctl"} {
		if err := w.cluster.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}
