package rig

import (
	"crypto/tls"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/bcrypt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/sockstest"
	"github.com/socksctl/socksctl/server"
)

// users makes s ask for the logins of the configuration, if it has any.
func (r *rig) users(s *server.Server) {
	r.t.Helper()
	if len(r.cfg.Users) == 0 {
		return
	}
	file := filepath.Join(r.t.TempDir(), "users")
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Users)) {
		if err := addUser(file, name, r.cfg.Users[name]); err != nil {
			r.t.Fatal(err)
		}
	}
	passwords, err := auth.NewPassword(file, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	s.Auth = []server.Authenticator{passwords}
}

func addUser(file, name string, u sockstest.User) error {
	if !u.Bcrypt {
		return auth.Add(file, name, u.Password)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(u.Password), bcrypt.MinCost)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(name + ":" + string(hash) + "\n")
	return errors.Join(err, f.Close())
}

// serverTLS loads what a server shows and trusts.
func (r *rig) serverTLS(carrier sockstest.Carrier) *tls.Config {
	r.t.Helper()
	f := r.cfg.TLS
	config := certs.ServerConfig{
		CertFile: f.ServerCert, KeyFile: f.ServerKey, MinVersion: f.MinVersion,
		ALPN: []string{client.ALPN}, Log: r.log.logger(),
	}
	if carrier == sockstest.MutualTLS {
		config.ClientCAFile, config.CRLFile = f.ClientCA, f.CRL
	}
	s, err := certs.NewServer(config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.servers = append(r.servers, s)
	return s.TLSConfig()
}

// clientTLS loads what a forwarder shows and trusts.
func (r *rig) clientTLS() *tls.Config {
	r.t.Helper()
	f := r.cfg.TLS
	config := certs.ClientConfig{CAFile: f.RootCA, Log: r.log.logger()}
	if f.Pin != "" {
		config.Pins = []string{f.Pin}
	}
	if r.mode.Carrier == sockstest.MutualTLS {
		config.CertFile, config.KeyFile = f.ClientCert, f.ClientKey
	}
	if r.mode.Carrier == sockstest.TLS13 {
		config.MinVersion = tls.VersionTLS13
	}
	c, err := certs.NewClient(config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.clients = append(r.clients, c)
	secure := c.TLSConfig(f.ServerName)
	if r.mode.Carrier == sockstest.TLS12 {
		secure.MaxVersion = tls.VersionTLS12
	}
	return secure
}

// reload reads the files of all servers and clients again.
func (r *rig) reload() error {
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.Reload())
	}
	for _, c := range r.clients {
		errs = append(errs, c.Reload())
	}
	return errors.Join(errs...)
}
