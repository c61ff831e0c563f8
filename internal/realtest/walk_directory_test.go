//go:build linux

package realtest_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// directory puts an OpenLDAP on the internet, whose certificate programs of the
// world trust.
func (w *world) directory(t *testing.T) {
	t.Helper()
	at := freePort(t)
	directory(t, at, w.ca, filepath.Join(w.dir, "web.crt"), filepath.Join(w.dir, "web.key"))
	if err := os.MkdirAll("/etc/ldap", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "/etc/ldap/ldap.conf", "TLS_CACERT "+w.ca+"\n")
	inetdAt(t, onInternet(t, net.Listen, "tcp", originAddr+":636"), program(t, "socat", "socat"), "-", "TCP:"+at)
}
