package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/files"
)

// checkFiles loads what the configuration names, as serve and forward would,
// asks this system for what they would, and serves nobody. What is a warning there is an error here.
func checkFiles(s streams, l *loaded) error {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := errors.Join(checkServer(l, quiet), checkForward(s, l, quiet)); err != nil {
		return err
	}
	return checkTogether(s, l)
}

// checkTogether makes both services of what is right by itself, as far from other
// hosts as they would be, and at ports that are free.
func checkTogether(s streams, l *loaded) error {
	elsewhere := *l.Config
	c := &elsewhere
	c.Server.Listen, c.Server.TLS.Listen = anyHosts(c.Server.Listen), anyHosts(c.Server.TLS.Listen)
	c.Forward.Local = anyHosts(c.Forward.Local)
	of := &loaded{Config: c}
	err := inTable("server", tryServe(s, of))
	if len(c.Forward.Server) > 0 || c.Forward.ServerSRV != "" {
		err = errors.Join(err, inTable("forward", tryForward(s, of)))
	}
	return err
}

// inTable returns err with the table that it is about in place of an address that is
// not the one there.
func inTable(name string, err error) error {
	if open, ok := errors.AsType[*openListener](err); ok {
		return fmt.Errorf("%s: %w", name, open.err)
	}
	return err
}

// anyHosts returns addresses that this host has: of all hosts in place of one beyond
// loopback, which may be another's.
func anyHosts(addresses []string) (own []string) {
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if ip, ipErr := netip.ParseAddr(host); err == nil && host != "" && host != "localhost" && (ipErr != nil || !ip.IsLoopback()) {
			address = net.JoinHostPort("0.0.0.0", port)
		}
		own = append(own, address)
	}
	return own
}

func checkServer(l *loaded, log *slog.Logger) error {
	c := &l.Server
	var errs []error
	issued, err := checkACME(c, log)
	errs = append(errs, err)
	if err == nil {
		err = checkTLS(c.TLS, issued != nil)
		errs = append(errs, err)
	}
	if c.TLS.On() && err == nil {
		_, err := certs.NewServer(tlsConfig(c.TLS, issued, log))
		errs = append(errs, err, pairWarnings(c.TLS.CertificatePath, c.TLS.PrivateKeyPath))
	}
	_, gateErr := sameUser("server.same_user", c.SameUser)
	_, err = resolveHost(c.Advertise)
	return errors.Join(append(errs, oneVerifier(c), checkUsers(c.Users, log), checkCommand(c.AuthCommand),
		checkRules(c.ACL), checkPlaces(c.Admin, c.Pprof), checkToken(c.AdminTokenPath), gateErr, err)...)
}

func checkForward(s streams, l *loaded, log *slog.Logger) error {
	c := &l.Forward
	if len(c.Server) == 0 && c.ServerSRV == "" {
		return nil
	}
	_, err := newUpstreams(s, c, false, log)
	_, gateErr := sameUser("forward.same_user", c.SameUser)
	return errors.Join(err, pairWarnings(c.CertificatePath, c.PrivateKeyPath), checkUsers(c.Users, log),
		checkRules(c.ACL), checkPlaces(c.Admin, c.Pprof), checkToken(c.AdminTokenPath), gateErr)
}

// pairWarnings returns what is wrong with a pair that loads all the same, such
// as a key that others can read.
func pairWarnings(cert, key string) error {
	if cert == "" {
		return nil
	}
	_, warnings, err := certs.LoadPair(cert, key)
	if err != nil {
		return nil // told by what loads the pair for use
	}
	return errors.Join(warnings...)
}

func checkUsers(file string, log *slog.Logger) error {
	if file == "" {
		return nil
	}
	if _, err := auth.NewPassword(file, log); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	return nil
}

func checkCommand(line string) error {
	if line == "" {
		return nil
	}
	_, err := newCommand(line, nil)
	return err
}

func checkRules(file string) error {
	if file == "" {
		return nil
	}
	_, err := acl.New(file, acl.Options{})
	return err
}

func checkToken(file string) error {
	if file == "" {
		return nil
	}
	if _, err := readPassword(file); err != nil {
		return fmt.Errorf("admin token: %w", err)
	}
	return files.Exposed(file)
}
