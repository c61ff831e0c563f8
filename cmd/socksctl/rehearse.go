package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rehearse starts what args say as it would start as a service, but for the ports
// and what it writes, and keeps how: with whole paths, and with no password in what
// other users of the host can read.
func (i *installation) rehearse(s streams, args []string) error {
	i.what = args[0]
	quiet := streams{in: s.in, out: io.Discard, err: io.Discard}
	cmd, settings, try := serveCommand(quiet), serveSettings(), tryServe
	if i.what == "forward" {
		cmd, settings, try = forwardCommand(quiet), forwardSettings(), tryForward
	}
	if err := parseFlags(cmd, args[1:]); err != nil {
		return err
	}
	load := func() (*loaded, error) { return load(cmd.Flags(), settings) }
	if i.what == "serve" {
		load = func() (*loaded, error) { return loadServe(cmd.Flags(), settings) }
	}
	l, err := load()
	if err != nil {
		return err
	}
	if err := noSecrets(l); err != nil {
		return err
	}
	if err := try(quiet, l); err != nil {
		return err
	}
	warnOfEnvironment(s, l)
	return i.keep(l)
}

// parseFlags takes the flags of a command, and nothing else.
func parseFlags(cmd *cobra.Command, args []string) error {
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(args); err != nil {
		return misuse("%s: %w", cmd.Name(), err)
	}
	if rest := cmd.Flags().Args(); len(rest) > 0 {
		return misuse("%s takes flags only, and %q is none", cmd.Name(), rest[0])
	}
	return nil
}

// tryServe makes a server of l at ports that are free.
func tryServe(_ streams, l *loaded) error {
	c := l.Server
	c.Listen, c.TLS.Listen = plainAddresses(&c), secureAddresses(&c)
	c.Listen, c.TLS.Listen = anyPorts(c.Listen), anyPorts(c.TLS.Listen)
	v, err := newServe(&c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer closeAll(slices.Concat(v.plain, v.secure))
	return errors.Join(v.check(), misconfigured(errors.Join(checkPlaces(c.Admin, c.Pprof), checkToken(c.AdminTokenPath))))
}

// tryForward is tryServe for a forwarder.
func tryForward(s streams, l *loaded) error {
	c, log := l.Forward, slog.New(slog.DiscardHandler)
	c.Local = anyPorts(c.Local)
	upstreams, err := newUpstreams(s, &c, false, log)
	if err != nil {
		return err
	}
	v, err := newForward(upstreams, &c, nil, log)
	if err != nil {
		return err
	}
	defer closeAll(v.plain)
	return errors.Join(v.check(), misconfigured(errors.Join(checkPlaces(c.Admin, c.Pprof), checkToken(c.AdminTokenPath))))
}

// anyPorts returns addresses of the same hosts that nobody has. A unix socket is
// left to its time: loopback is as private.
func anyPorts(addresses []string) (free []string) {
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if isUnix(address) {
			host = "127.0.0.1"
		} else if err != nil {
			free = append(free, address) // for whom it is to refuse it
			continue
		}
		free = append(free, net.JoinHostPort(host, "0"))
	}
	return free
}

// noSecrets refuses passwords in flags.
func noSecrets(l *loaded) error {
	if l.flags.Changed("server") {
		dialers, err := parseServers(l.Forward.Server)
		if err != nil {
			return err
		}
		for _, d := range dialers {
			if d.Password != "" {
				return misuse("--server: a password in the arguments of a service can be read by every user of this host: use --password-file or the configuration file")
			}
		}
	}
	if l.flags.Changed("history") && (l.History.URL.HasPassword() || l.Forward.History.HasPassword()) {
		return misuse("--history: a password in the arguments of a service can be read by every user of this host: use PGPASSFILE or the configuration file")
	}
	return nil
}

// warnOfEnvironment tells of what holds here and not for the service.
func warnOfEnvironment(s streams, l *loaded) {
	for _, setting := range l.settings {
		if os.Getenv(setting.env()) != "" && !l.flags.Changed(setting.flag) {
			s.talk("%s is set here, and not for the service: put %s into its configuration file", setting.env(), setting.key)
		}
	}
}

// keep takes the arguments of the service from l.
func (i *installation) keep(l *loaded) (err error) {
	if i.binary, err = os.Executable(); err == nil {
		i.dir, err = os.Getwd()
	}
	if err != nil {
		return err
	}
	if l.file != "" && !l.flags.Changed("config") {
		i.args = append(i.args, "--config="+i.whole(l.file))
	}
	paths := map[string]bool{"config": true}
	for _, s := range l.settings {
		paths[s.flag] = isPath(s.key)
	}
	l.flags.Visit(func(f *pflag.Flag) {
		for _, value := range valuesOf(f) {
			if paths[f.Name] || isUnix(value) {
				value = i.whole(value)
			}
			i.args = append(i.args, "--"+f.Name+"="+value)
		}
	})
	i.writes, i.drain = foldersOf(l, i), l.Server.DrainTimeout.Duration
	if i.what == "forward" {
		i.drain = l.Forward.DrainTimeout.Duration
	}
	if strings.ContainsAny(i.dir, "\n{") {
		return misuse("%q cannot be the working directory of a service", i.dir)
	}
	return nil
}

// isPath tells of the keys whose value is a file.
func isPath(key string) bool {
	return strings.HasSuffix(key, "_path") || strings.HasSuffix(key, ".users") || strings.HasSuffix(key, ".acl") || key == "audit.path" || key == "server.acme.storage"
}

// whole returns a path, or unix: and one, from the root on. What stands in the place
// of a path stays as it is.
func (i *installation) whole(path string) string {
	if rest, unix := strings.CutPrefix(path, "unix:"); unix {
		return "unix:" + i.whole(rest)
	}
	if path == "-" || path == "" || strings.HasPrefix(path, "syslog:") || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(i.dir, path)
}

// valuesOf returns what a flag was given, each by itself.
func valuesOf(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// foldersOf returns where the service writes, beside what the system makes for it.
func foldersOf(l *loaded, i *installation) (folders []string) {
	history, sockets := l.History.URL, slices.Concat(l.Server.Listen, l.Server.TLS.Listen, l.Server.Admin)
	if i.what == "forward" {
		history, sockets = l.Forward.History, slices.Concat(l.Forward.Local, l.Forward.Admin)
	}
	if history.Folder() != "" {
		folders = append(folders, i.whole(history.Folder()))
	}
	if storage := l.Server.ACME.Storage; i.what == "serve" && storage != "" {
		folders = append(folders, i.whole(storage))
	}
	if path := i.whole(l.Audit.Path); i.what == "serve" && filepath.IsAbs(path) {
		folders = append(folders, filepath.Dir(path))
	}
	for _, address := range sockets {
		if isUnix(address) {
			folders = append(folders, filepath.Dir(strings.TrimPrefix(i.whole(address), "unix:")))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
