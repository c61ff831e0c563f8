package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/files"
)

// proxyOptions says which proxy to go through and how.
type proxyOptions struct {
	Server, CA, Cert, Key, ServerName string
	Pins                              []string
	UDP                               string
	Timeout                           time.Duration
	PasswordFile                      string
	inFlag                            bool // Server is in the arguments, for others to read
}

// register adds the flags of the commands that are clients.
func (o *proxyOptions) register(flags *pflag.FlagSet) {
	o.inFlag = true
	flags.StringVar(&o.Server, "server", "", "proxy, socks5+tls://[user@]host[:port] or socks5://... (default $SOCKSCTL_PROXY, then $ALL_PROXY)")
	flags.StringVar(&o.CA, "ca", "", "CA of the server's certificate, PEM (default: the system's)")
	flags.StringVar(&o.Cert, "cert", "", "certificate to show the server, PEM")
	flags.StringVar(&o.Key, "key", "", "its private key, PEM")
	flags.StringVar(&o.ServerName, "server-name", "", "name in the server's certificate, when not that of --server")
	flags.StringSliceVar(&o.Pins, "pin", nil, "pin of the server's key, sha256/BASE64 (socksctl cert show)")
	flags.StringVar(&o.UDP, "udp", "tls", "how datagrams travel to the proxy: tls or plain")
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Second, "how long it may take to reach the proxy and log in; of udp-send also an answer")
	flags.StringVar(&o.PasswordFile, "password-file", "", "file whose first line is the password")
}

// dialer returns a Dialer for the proxy, and where its certificates come from:
// nil for a proxy without TLS.
func (o proxyOptions) dialer(s streams, log *slog.Logger) (*client.Dialer, *certs.Client, error) {
	if o.Timeout <= 0 {
		return nil, nil, misuse("--timeout %v: want more than nothing", o.Timeout)
	}
	raw, err := o.address(s)
	if err != nil {
		return nil, nil, err
	}
	d, err := client.ParseURL(raw)
	if err != nil {
		return nil, nil, misuse("%w", err)
	}
	way, err := o.way(d.TLS != nil, log)
	if err != nil {
		return nil, nil, err
	}
	way.complete(d)
	return d, way.source, nil
}

// way is what options say, once it is read and valid: for any number of proxies.
type way struct {
	proxyOptions
	password string // empty: those of the URLs
	udp      client.UDPMode
	source   *certs.Client // nil: there is no proxy with TLS
	log      *slog.Logger
}

// way reads the files that o names; those of TLS if there is a proxy withTLS.
func (o proxyOptions) way(withTLS bool, log *slog.Logger) (*way, error) {
	w := &way{proxyOptions: o, log: log}
	var err error
	if o.PasswordFile != "" {
		if w.password, err = readPassword(o.PasswordFile); err != nil {
			return nil, misconfigured(err)
		}
	}
	if w.udp, err = client.ParseUDPMode(o.UDP); err != nil {
		return nil, misuse("--udp: %w", err)
	}
	if !withTLS {
		o.warnOfClearText(log)
		return w, nil
	}
	w.source, err = certs.NewClient(certs.ClientConfig{
		CAFile: o.CA, CertFile: o.Cert, KeyFile: o.Key, ServerName: o.ServerName, Pins: o.Pins, Log: log,
		Built: built(),
	})
	if err != nil {
		return nil, misconfigured(err)
	}
	return w, nil
}

// warnOfClearText tells who wants to know a proxy by its certificate that it has none.
func (o proxyOptions) warnOfClearText(log *slog.Logger) {
	if o.CA != "" || o.Cert != "" || o.Key != "" || o.ServerName != "" || len(o.Pins) > 0 {
		log.Warn("certificates and pins are not used: socks5:// is a proxy in clear text, socks5+tls:// is one with TLS")
	}
}

// complete adds to d what its URL does not say.
func (w *way) complete(d *client.Dialer) {
	d.Log, d.Timeout, d.UDP = w.log, w.Timeout, w.udp
	if w.password != "" {
		d.Password = w.password
	}
	if d.TLS != nil {
		d.TLS = w.source.TLSConfig(serverName(d, w.ServerName))
	}
}

// serverName returns the name that the proxy's certificate must have.
func serverName(d *client.Dialer, given string) string {
	if given != "" {
		return given
	}
	host := d.Address
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.Trim(host, "[]")
}

// address returns the URL of the proxy, and warns of a password in a flag:
// everyone on this host can read it there.
func (o proxyOptions) address(s streams) (string, error) {
	if o.Server != "" {
		if d, err := client.ParseURL(o.Server); err == nil && d.Password != "" && o.inFlag {
			warnOfPassword(s, "are SOCKSCTL_PROXY, --password-file and the configuration file")
		}
		return o.Server, nil
	}
	for _, name := range []string{"SOCKSCTL_PROXY", "ALL_PROXY"} {
		if value := os.Getenv(name); value != "" {
			return value, nil
		}
	}
	return "", misuse("no proxy: give --server, or set SOCKSCTL_PROXY")
}

// warnOfPassword tells of a password in a flag, and what is better.
func warnOfPassword(s streams, better string) {
	s.talk("a password in a flag can be read by every user of this host: better %s", better)
}

// readPassword returns the first line of file.
func readPassword(file string) (string, error) {
	text, err := files.Read(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%s: the first line is empty", file)
	}
	return line, nil
}
