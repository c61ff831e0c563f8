package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"

	"github.com/socksctl/socksctl/bench/load/internal/bound"
)

// tlsFiles are those of one end of TLS.
type tlsFiles struct{ ca, cert, key, name string }

// serveBound is one of the bounds, until it is killed.
func serveBound(args []string) error {
	flags := flag.NewFlagSet("bound", flag.ContinueOnError)
	kind := flags.String("kind", bound.Copy, "which one")
	var c bound.Config
	var server, client tlsFiles
	flags.StringVar(&c.Listen, "listen", "", "address for apps")
	flags.StringVar(&c.Target, "target", "", "where all goes to")
	flags.StringVar(&server.cert, "cert", "", "certificate: apps speak TLS")
	flags.StringVar(&server.key, "key", "", "its key")
	flags.StringVar(&server.ca, "client-ca", "", "CA of certificates that apps must show")
	flags.StringVar(&client.ca, "target-ca", "", "CA of the target: it speaks TLS")
	flags.StringVar(&client.name, "target-name", "", "name in its certificate")
	flags.StringVar(&client.cert, "target-cert", "", "certificate to show it")
	flags.StringVar(&client.key, "target-key", "", "its key")
	err := flags.Parse(args)
	if err != nil {
		return err
	}
	if c.TLS, err = server.server(); err != nil {
		return err
	}
	if c.TargetTLS, err = client.client(); err != nil {
		return err
	}
	return bound.Serve(*kind, c)
}

func (f tlsFiles) server() (*tls.Config, error) {
	if f.cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs, err = f.pool()
	}
	return c, err
}

func (f tlsFiles) client() (*tls.Config, error) {
	if f.ca == "" {
		return nil, nil
	}
	pool, err := f.pool()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: pool, ServerName: f.name, MinVersion: tls.VersionTLS12}
	if f.cert != "" {
		c.Certificates = make([]tls.Certificate, 1)
		c.Certificates[0], err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	return c, err
}

func (f tlsFiles) pool() (*x509.CertPool, error) {
	text, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", f.ca)
	}
	return pool, nil
}
