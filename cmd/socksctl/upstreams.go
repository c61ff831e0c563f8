package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/config"
)

// upstreams is the servers of a forwarder.
type upstreams struct {
	*forwarder.Servers
	source *certs.Client // nil: none is reached by TLS
	warm   client.Warm   // of each; Most 0 is none
}

const (
	mostWarm      = 64          // a server holds no more of one user
	leastWarmTime = time.Second // what is held for less is of no use
)

// checkWarm tells what is wrong with the keys of warm connections.
func checkWarm(c *config.Forward) error {
	if c.Warm > mostWarm {
		return misconfigured(fmt.Errorf("forward.warm is %d (--warm): a server holds %d of one user at most", c.Warm, mostWarm))
	}
	if c.Warm > 0 && c.WarmTime.Duration < leastWarmTime {
		return misconfigured(fmt.Errorf("forward.warm_time is %v (--warm-time): the least is %v, and without warm connections --warm is 0", c.WarmTime, leastWarmTime))
	}
	return nil
}

// newUpstreams reads what c says of the servers, and reaches none. inFlag tells
// that their URLs are in the arguments, for others to read.
func newUpstreams(s streams, c *config.Forward, inFlag bool, log *slog.Logger) (*upstreams, error) {
	if (len(c.Server) > 0) == (c.ServerSRV != "") {
		return nil, misuse("forward takes --server, once or more often, or --server-srv")
	}
	if err := checkWarm(c); err != nil {
		return nil, err
	}
	options := forwardOptions(c)
	options.inFlag = inFlag
	u := &upstreams{warm: client.Warm{Most: int(c.Warm), For: c.WarmTime.Duration}}
	var err error
	if c.ServerSRV != "" {
		err = u.fromDNS(c.ServerSRV, options, log)
	} else {
		err = u.fromURLs(s, c.Server, options, log)
	}
	if err != nil {
		return nil, err
	}
	u.Balance, u.CheckEvery, u.Log = c.Balance.Balance, c.CheckInterval.Duration, log
	if u.CheckEvery == 0 {
		u.CheckEvery = -1
	}
	return u, nil
}

// run checks the servers and keeps connections to them warm, in group: those until
// it is over or cool is called.
func (u *upstreams) run(ctx context.Context, group *errgroup.Group) (cool func()) {
	group.Go(func() error { return u.Run(ctx) })
	warm, cool := context.WithCancel(ctx)
	if u.warm.Most > 0 {
		group.Go(func() error { return u.KeepWarm(warm, u.warm) })
	}
	return cool
}

// prepare is certs.Client.Prepare: what was opened with certificates of before is
// not used any more.
func (u *upstreams) prepare() (commit func(), err error) {
	taken, err := u.source.Prepare()
	if taken == nil {
		return nil, err
	}
	return func() {
		taken()
		u.DropWarm()
	}, err
}

// fromURLs takes the servers in the order of their URLs.
func (u *upstreams) fromURLs(s streams, urls []string, options proxyOptions, log *slog.Logger) error {
	dialers, err := parseServers(urls)
	if err != nil {
		return err
	}
	withTLS, withPassword := false, false
	for _, d := range dialers {
		withTLS = withTLS || d.TLS != nil
		withPassword = withPassword || d.Password != ""
	}
	if withPassword && options.inFlag {
		warnOfPassword(s, "are --password-file and the configuration file")
	}
	way, err := options.way(withTLS, log)
	if err != nil {
		return err
	}
	for _, d := range dialers {
		own := d.Password
		way.complete(d)
		if own != "" {
			d.Password = own
		}
	}
	u.Servers, u.source = forwarder.NewServers(dialers...), way.source
	return nil
}

// parseServers reads URLs. Its errors name the one that is wrong by its number.
func parseServers(urls []string) ([]*client.Dialer, error) {
	var dialers []*client.Dialer
	seen := make(map[string]int)
	for i, raw := range urls {
		d, err := client.ParseURL(raw)
		if err != nil && len(urls) > 1 {
			return nil, misuse("server %d: %w", i+1, err)
		}
		if err != nil {
			return nil, misuse("%w", err)
		}
		if first := seen[d.URL()]; first > 0 {
			return nil, misuse("servers %d and %d are the same: %s", first, i+1, d.URL())
		}
		seen[d.URL()] = i + 1
		dialers = append(dialers, d)
	}
	return dialers, nil
}

// fromDNS takes the servers from the records that text names.
func (u *upstreams) fromDNS(text string, options proxyOptions, log *slog.Logger) error {
	model, err := parseSRV(text)
	if err != nil {
		return misuse("--server-srv: %w", err)
	}
	way, err := options.way(model.TLS != nil, log)
	if err != nil {
		return err
	}
	u.Servers, u.source = forwarder.NewServers(), way.source
	u.SRV = &forwarder.SRV{Name: model.Address, Dialer: func(host string, port uint16) *client.Dialer {
		d := &client.Dialer{Address: net.JoinHostPort(host, strconv.Itoa(int(port))), TLS: model.TLS, User: model.User}
		way.complete(d)
		return d
	}}
	return nil
}

// parseSRV reads [scheme://][user@]NAME, where TLS is what is meant without a
// scheme, into a Dialer whose Address is the name.
func parseSRV(text string) (*client.Dialer, error) {
	if !strings.Contains(text, "://") {
		text = "socks5+tls://" + text
	}
	name := text[strings.LastIndexAny(text, "/@")+1:]
	if strings.ContainsAny(name, ":[") {
		return nil, errors.New("want the name of SRV records, which have the ports")
	}
	d, err := client.ParseURL(text)
	if err != nil {
		return nil, err
	}
	if d.Network == "unix" {
		return nil, errors.New("want the name of SRV records, not a path")
	}
	if d.Password != "" {
		return nil, errors.New("the password belongs into --password-file")
	}
	d.Address = name
	return d, nil
}
