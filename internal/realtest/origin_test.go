//go:build linux

package realtest_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// stream returns n bytes that are the same each time and that no two places
// in the stream share.
func stream(n int64) io.Reader {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err)
	}
	ctr := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	return io.LimitReader(cipher.StreamReader{S: ctr, R: zeros{}}, n)
}

// checksum reads r to its end and returns its length and SHA-256.
func checksum(r io.Reader) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d %s", n, hex.EncodeToString(h.Sum(nil))), err
}

func streamChecksum(n int64) string {
	sum, _ := checksum(stream(n)) // a stream has no errors
	return sum
}

func textChecksum(text string) string {
	sum, _ := checksum(strings.NewReader(text)) // has no errors either
	return sum
}

// newOrigin starts a web server: GET /N is answered with stream(N), PUT with the
// checksum of the body. It returns the port.
func newOrigin(t *testing.T) string {
	t.Helper()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			if sum, err := checksum(r.Body); err == nil {
				fmt.Fprint(w, sum)
			}
			return
		}
		n, err := strconv.ParseInt(r.URL.Path[1:], 10, 64)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		if _, err := io.Copy(w, stream(n)); err != nil {
			t.Errorf("origin: %v", err)
		}
	}))
	t.Cleanup(origin.Close)
	_, port := splitHostPort(t, origin.Listener.Addr().String())
	return port
}
