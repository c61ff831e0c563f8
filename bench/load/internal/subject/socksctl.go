package subject

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Name and password of the apps that log in.
const (
	login  = "bench"
	secret = "correct horse battery"
)

// rules is the policy that every socksctl has.
const rules = `[global]
default_policy = "block"

[[users]]
name = "*"
[[users.rules]]
action = "block"
description = "an office"
destinations = ["10.0.0.0/8", "*.internal.example", "payroll.example.com"]
[[users.rules]]
action = "block"
description = "mail"
destinations = ["*"]
ports = [25, 465, 587]
[[users.rules]]
action = "allow"
destinations = ["127.0.0.0/8"]
`

// Serve returns socksctl serve for plain SOCKS.
func Serve() Subject {
	return Subject{Name: "socksctl", Ours: true, start: func(e *Env, r *Running, _ string, o Options) error {
		r.Way.Proxy = e.address()
		args := []string{"--listen", r.Way.Proxy}
		if o.Login {
			r.Way.User, r.Way.Password = login, secret
			path := filepath.Join(e.dir, fmt.Sprintf("%d-users", e.last.Add(1)))
			if err := addUser(e.Socksctl, path); err != nil {
				return err
			}
			args = append(args, "--users", path)
		}
		return e.serve(r, r.Way.Proxy, args...)
	}}
}

// ServeTLS returns socksctl serve for SOCKS inside TLS.
func ServeTLS() Subject {
	return Subject{Name: "socksctl", Ours: true, start: func(e *Env, r *Running, _ string, o Options) error {
		r.Way.Proxy, r.Way.TLS = e.address(), e.app(o)
		return e.serve(r, r.Way.Proxy, e.tlsArgs(r.Way.Proxy, o.Mutual)...)
	}}
}

// Opened returns socksctl serve for plain SOCKS, whose apps have connections
// beforehand that are greeted already.
func Opened() Subject {
	return Subject{Name: "plain SOCKS, already open", start: func(e *Env, r *Running, _ string, o Options) (err error) {
		server := e.address()
		if err := e.serve(r, server, "--listen", server); err != nil {
			return err
		}
		r.Way.Opened = true
		r.Way.Proxy, err = r.by(server, o.Delay)
		return err
	}}
}

// Collecting returns ServeTLS with a garbage collector that is set by GOGC.
func Collecting(percent string) Subject {
	s := ServeTLS()
	s.Name = "GOGC=" + percent
	start := s.start
	s.start = func(e *Env, r *Running, target string, o Options) error {
		r.env = []string{"GOGC=" + percent}
		return start(e, r, target, o)
	}
	return s
}

// Forward returns socksctl forward and its socksctl serve, with mutual TLS
// between the two.
func Forward() Subject { return forward("socksctl") }

// ForwardWarm is Forward, with the warm connections that it has by default.
func ForwardWarm() Subject { return forward("socksctl, warm") }

// ForwardCold is Forward without warm connections.
func ForwardCold() Subject { return forward("socksctl, --warm 0", "--warm", "0") }

func forward(name string, extra ...string) Subject {
	return Subject{Name: name, Ours: true, start: func(e *Env, r *Running, _ string, o Options) error {
		server := e.address()
		if err := e.serve(r, server, e.tlsArgs(server, true)...); err != nil {
			return err
		}
		by, err := r.by(server, o.Delay)
		if err != nil {
			return err
		}
		r.Way.Proxy = e.address()
		args := []string{"forward", "--local", r.Way.Proxy, "--server", "socks5+tls://" + by,
			"--server-name", serverName, "--ca", e.ca, "--cert", e.clientCert, "--key", e.clientKey, "--admin", "unix:" + e.socket()}
		return r.start(r.Way.Proxy, e.Socksctl, append(args, extra...)...)
	}}
}

// Profiled returns Serve with profiles on its admin socket.
func Profiled() Subject {
	return Subject{Name: "socksctl", Ours: true, start: func(e *Env, r *Running, _ string, _ Options) error {
		r.Way.Proxy = e.address()
		if err := e.serve(r, r.Way.Proxy, "--listen", r.Way.Proxy, "--pprof"); err != nil {
			return err
		}
		return await(r.procs[0], "unix", r.admin)
	}}
}

// serve starts socksctl serve with what it has as shipped: rules, the record of
// its sessions, metrics.
func (e *Env) serve(r *Running, address string, args ...string) error {
	acl, err := e.file("rules.toml", rules)
	if err != nil {
		return err
	}
	history := "sqlite://" + filepath.Join(e.dir, fmt.Sprintf("%d.db", e.last.Add(1)))
	r.admin = e.socket()
	all := append([]string{"serve", "--acl", acl, "--history", history, "--admin", "unix:" + r.admin}, args...)
	return r.start(address, e.Socksctl, all...)
}

func (e *Env) tlsArgs(address string, mutual bool) []string {
	args := []string{"--tls-listen", address, "--tls-cert", e.serverCert, "--tls-key", e.serverKey}
	if mutual {
		args = append(args, "--client-ca", e.ca)
	}
	return args
}

func (e *Env) socket() string {
	return filepath.Join(e.dir, fmt.Sprintf("%d.sock", e.last.Add(1)))
}

func addUser(socksctl, file string) error {
	cmd := exec.Command(socksctl, "user", "add", login, "--users", file)
	cmd.Stdin, cmd.Stderr = strings.NewReader(secret+"\n"), os.Stderr
	return cmd.Run()
}
