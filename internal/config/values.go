package config

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// The types of this file are values that are checked as they are read, so that
// an error can name the line. Those whose file form is text are structs, for a
// number in the file would pass for any integer type.

// Duration is a time.Duration as Go writes it: "300s", "1m30s". It is not
// negative.
type Duration struct{ time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil && string(b) != "0" {
		return fmt.Errorf("%q is not a duration such as 300s", b)
	}
	if v < 0 {
		return fmt.Errorf("%q is negative", b)
	}
	d.Duration = v
	return nil
}

// Count is a number of things.
type Count uint32

// UnmarshalText implements encoding.TextUnmarshaler, for numbers from the
// environment and the command line.
func (c *Count) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not a whole number of 0 or more", b)
	}
	*c = Count(n)
	return nil
}

// Bandwidth is bytes a second: "10MiB", "512KiB", "1MB", "1000000"; "0" is no
// bound.
type Bandwidth struct{ Bytes int64 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bandwidth) UnmarshalText(text []byte) error {
	n, err := server.ParseBandwidth(string(text))
	b.Bytes = n
	return err
}

// Version is a minimum TLS version: "TLS12" or "1.2", "TLS13" or "1.3".
type Version struct{ ID uint16 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Version) UnmarshalText(b []byte) error {
	switch string(b) {
	case "TLS12", "1.2":
		v.ID = tls.VersionTLS12
	case "TLS13", "1.3":
		v.ID = tls.VersionTLS13
	default:
		return fmt.Errorf("%q is neither TLS12 nor TLS13", b)
	}
	return nil
}

// Auth is what becomes of client certificates: "none", "request", "require", and
// empty where the rest of the configuration decides.
type Auth certs.ClientAuth

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Auth) UnmarshalText(b []byte) error {
	*a = Auth(b)
	if len(b) == 0 {
		return nil
	}
	return oneOf(string(b), string(certs.ClientAuthNone), string(certs.ClientAuthRequest), string(certs.ClientAuthRequire))
}

// Identity is the part of a client certificate that is the user's name.
type Identity certs.IdentityKind

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Identity) UnmarshalText(b []byte) error {
	*i = Identity(b)
	return certs.IdentityKind(b).Check()
}

// Commands is a list such as "connect,udp".
type Commands struct{ Set server.Commands }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Commands) UnmarshalText(b []byte) error {
	bits := map[string]server.Commands{
		"connect": server.CommandConnect, "bind": server.CommandBind, "udp": server.CommandUDP,
	}
	c.Set = 0
	for name := range strings.SplitSeq(string(b), ",") {
		bit, ok := bits[strings.TrimSpace(name)]
		if !ok {
			return fmt.Errorf("%q is not a list of connect, bind and udp", b)
		}
		c.Set |= bit
	}
	return nil
}

// PortRange is FIRST-LAST.
type PortRange struct{ server.PortRange }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *PortRange) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	r, err := server.ParsePortRange(string(b))
	p.PortRange = r
	return err
}

// UDPMode is how datagrams travel to the server: "tls", "plain", "off".
type UDPMode struct{ client.UDPMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *UDPMode) UnmarshalText(b []byte) error {
	mode, err := client.ParseUDPMode(string(b))
	m.UDPMode = mode
	return err
}

// Places is where a service is talked to: "unix:PATH", "host:port" or "off", or a
// list of them; in one text there are commas between them.
type Places []string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Places) UnmarshalText(b []byte) error {
	*p = nil
	if len(b) == 0 {
		return nil
	}
	for place := range strings.SplitSeq(string(b), ",") {
		if place != "off" && !strings.Contains(place, ":") {
			return fmt.Errorf("%q is neither unix:PATH, host:port nor off", place)
		}
		*p = append(*p, place)
	}
	return nil
}

// Balance is how a forwarder chooses among servers: "failover", "round-robin",
// "latency".
type Balance struct{ forwarder.Balance }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Balance) UnmarshalText(text []byte) error {
	balance, err := forwarder.ParseBalance(string(text))
	b.Balance = balance
	return err
}

// Prefix is a network, "192.0.2.0/24", or one address.
type Prefix struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Prefix) UnmarshalText(b []byte) error {
	text := string(b)
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		p.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return fmt.Errorf("%q is neither a network such as 192.0.2.0/24 nor an address", b)
	}
	p.Prefix = prefix.Masked()
	return nil
}

// Level is the least level that is logged: "debug", "info", "warn", "error".
type Level struct{ slog.Level }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(b []byte) error {
	if err := oneOf(string(b), "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return l.Level.UnmarshalText(b)
}

// Location is where records are kept: "sqlite:///path", "postgres://...", "off".
type Location struct{ history.Location }

// Destinations is how much is kept of where sessions went: "full", "host", "none".
type Destinations struct{ Kept history.Destinations }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Destinations) UnmarshalText(b []byte) error { return d.Kept.UnmarshalText(b) }

// Landlock is whether the kernel keeps a service to the files that it needs.
type Landlock string

// LandlockAuto is where it can, and where no program verifies logins; LandlockOn
// fails where it cannot.
const (
	LandlockAuto Landlock = "auto"
	LandlockOn   Landlock = "on"
	LandlockOff  Landlock = "off"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Landlock) UnmarshalText(b []byte) error {
	*l = Landlock(b)
	return oneOf(string(b), string(LandlockAuto), string(LandlockOn), string(LandlockOff))
}

// Format is how a log line looks: "text" or "json".
type Format string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Format) UnmarshalText(b []byte) error {
	*f = Format(b)
	return oneOf(string(b), "text", "json")
}

func oneOf(s string, choices ...string) error {
	if slices.Contains(choices, s) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(choices, ", "))
}
