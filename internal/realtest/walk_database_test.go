//go:build linux

package realtest_test

import (
	"net"
	"testing"
)

// database puts a PostgreSQL on the internet, with the role that everyone has there.
func (w *world) database(t *testing.T) {
	t.Helper()
	c := databases(t)
	if err := c.Exec(t.Context(), "CREATE ROLE postgres LOGIN SUPERUSER"); err != nil {
		t.Fatal(err)
	}
	inetdAt(t, onInternet(t, net.Listen, "tcp", originAddr+":5432"), program(t, "socat", "socat"), "-", "TCP:"+c.Address())
}
