package main

import (
	"log/slog"
	"reflect"
	"strings"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/server"
)

// configuration is what flags, environment and file say, read again while the
// service runs. Limits and the level of the log follow it; other keys do not.
type configuration struct {
	load    func() (*loaded, error)
	started *loaded // what the service was made from
	latest  *loaded // what was read last, and is valid
}

// useConfiguration has reloads of v read the configuration again, by load.
func (v *service) useConfiguration(l *loaded, level *slog.LevelVar, load func() (*loaded, error)) {
	c := &configuration{load: load, started: l, latest: l}
	v.restart = c.pending
	v.parts = append([]part{
		{name: "configuration", files: named(l.file), prepare: c.read},
		{name: "log level", prepare: func() (func(), error) { return c.level(level), nil }},
	}, v.parts...)
	if v.admin.service == admin.Serve { // a forwarder has limits of its own, whatever the file says of a server
		inForce := limitsOf(l.Server.Limits)
		v.parts = append(v.parts, part{name: "limits", prepare: func() (func(), error) { return c.limits(v, &inForce), nil }})
	}
}

// read reads all, for the parts that follow to take from.
func (c *configuration) read() (func(), error) {
	latest, err := c.load()
	if err == nil {
		c.latest = latest
	}
	return nil, err
}

func (c *configuration) limits(v *service, inForce *server.Limits) (commit func()) {
	latest := limitsOf(c.latest.Server.Limits)
	if latest == *inForce {
		return nil
	}
	return func() {
		v.SetLimits(latest)
		*inForce = latest
	}
}

func (c *configuration) level(level *slog.LevelVar) (commit func()) {
	latest := c.latest.Log.Level.Level
	if level.Level() == latest {
		return nil
	}
	return func() { level.Set(latest) }
}

// pending returns the keys that are not what the service was started with, and
// that it does not follow.
func (c *configuration) pending() (keys []string) {
	for _, s := range c.latest.settings {
		followed := s.key == "log.level" || strings.HasPrefix(s.key, "server.limits.")
		if !followed && !reflect.DeepEqual(valueAt(c.started.Config, s.key), valueAt(c.latest.Config, s.key)) {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// valueAt returns what is in c under a key.
func valueAt(c *config.Config, key string) any {
	v := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		for field, value := range v.Fields() {
			if field.Tag.Get("toml") == name {
				v = value
				break
			}
		}
	}
	return v.Interface()
}

// named returns the files that are set.
func named(paths ...string) (set []string) {
	for _, path := range paths {
		if path != "" {
			set = append(set, path)
		}
	}
	return set
}
