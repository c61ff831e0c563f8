//go:build linux

package release

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"software.sslmate.com/src/go-pkcs12"
)

// apple has a certificate that programs for macOS can be signed with, and a service that
// says when: goreleaser asks Apple's over HTTP, and so by a proxy.
type apple struct {
	p12   string
	leaf  []byte
	proxy string
}

func newApple() (*apple, error) {
	ca, key, err := certify("CA of the test", nil, nil)
	if err != nil {
		return nil, err
	}
	leaf, leafKey, err := certify("socksctl test", ca, key, x509.ExtKeyUsageCodeSigning)
	if err != nil {
		return nil, err
	}
	clock, clockKey, err := certify("clock of the test", ca, key, x509.ExtKeyUsageTimeStamping)
	if err != nil {
		return nil, err
	}
	p12, err := pkcs12.Modern.Encode(leafKey, leaf, []*x509.Certificate{ca}, "secret of the test")
	if err != nil {
		return nil, err
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := stamp(r.Body, clock, clockKey)
		if err != nil || r.Host != "timestamp.apple.com" {
			http.Error(w, "not what is served", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(answer)
	}))
	return &apple{p12: base64.StdEncoding.EncodeToString(p12), leaf: leaf.Raw, proxy: service.URL}, nil
}

// certify issues a certificate, by itself where there is no CA.
func certify(name string, ca *x509.Certificate, caKey *rsa.PrivateKey, usage ...x509.ExtKeyUsage) (*x509.Certificate, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: ca == nil, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
	}
	if ca == nil {
		ca, caKey, template.KeyUsage = template, key, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// stamp answers a request of RFC 3161.
func stamp(query io.Reader, cert *x509.Certificate, key *rsa.PrivateKey) ([]byte, error) {
	text, err := io.ReadAll(query)
	if err != nil {
		return nil, err
	}
	request, err := timestamp.ParseRequest(text)
	if err != nil {
		return nil, err
	}
	t := timestamp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage, Nonce: request.Nonce,
		Time: time.Now(), Policy: []int{1, 2, 3}, SerialNumber: big.NewInt(1), AddTSACertificate: request.Certificates,
	}
	return t.CreateResponseWithOpts(cert, key, crypto.SHA256)
}

// Programs for macOS are signed where the certificate is, and as Go signs them elsewhere.
func TestMacSigned(t *testing.T) {
	p := release(t)
	for _, arch := range []string{"amd64", "arm64"} {
		signed := readTar(t, filepath.Join(p.dir, "dist/socksctl_1.2.3_darwin_"+arch+".tar.gz"))["socksctl"].data
		if !bytes.Contains(signed, p.apple.leaf) {
			t.Errorf("%s: with a certificate it is not signed", arch)
		}
		if bytes.Contains(archive(t, "darwin", arch)["socksctl"].data, []byte("socksctl test")) {
			t.Errorf("%s: without a certificate it is signed", arch)
		}
	}
}

// Nothing goes to another repository without the secret for it, and all of it goes with.
func TestSwitches(t *testing.T) {
	for _, list := range []struct{ path, want string }{
		{one(t, "artifacts.json"), "true"},
		{filepath.Join(release(t).dir, "dist/artifacts.json"), "auto"},
	} {
		var artifacts []struct{ Extra map[string]json.RawMessage }
		if err := json.Unmarshal([]byte(read(t, list.path)), &artifacts); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for _, a := range artifacts {
			for _, name := range []string{"BrewCaskConfig", "ScoopConfig", "WingetConfig"} {
				var config struct {
					SkipUpload string `json:"skip_upload"`
				}
				if a.Extra[name] == nil {
					continue
				}
				if err := json.Unmarshal(a.Extra[name], &config); err != nil || config.SkipUpload != list.want {
					t.Errorf("%s: skip_upload of %s is %q, %v, want %q", list.path, name, config.SkipUpload, err, list.want)
				}
				seen[name] = true
			}
		}
		if len(seen) != 3 {
			t.Errorf("%s: got %v", list.path, seen)
		}
	}
}
