package main

import (
	"slices"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/acme"
)

// serverSettings is what serve takes.
func serverSettings() []setting {
	return slices.Concat([]setting{
		{"server.listen", "listen", "address for plain SOCKS, host:port or unix:PATH (default 127.0.0.1:1080 without a TLS listener)", []string(nil)},
		{"server.tls.listen", "tls-listen", "address for SOCKS inside TLS", []string(nil)},
		{"server.tls.certificate_path", "tls-cert", "certificate of the server, PEM", ""},
		{"server.tls.private_key_path", "tls-key", "its private key, PEM", ""},
		{"server.tls.client_ca_path", "client-ca", "CA of client certificates, which are required then", ""},
		{"server.tls.client_auth", "client-auth", "client certificates: none, request or require", ""},
		{"server.tls.cert_identity", "cert-identity", "part of a client certificate that is the user: cn, uri, email or dns", "cn"},
		{"server.tls.client_crl_path", "client-crl", "list of revoked client certificates", ""},
		{"server.tls.min_protocol_version", "tls-min", "least TLS version: 1.2 or 1.3", "1.2"},
		{"server.acme.domains", "acme-domain", "host name to have a certificate issued for by ACME, in place of --tls-cert", []string(nil)},
		{"server.acme.email", "acme-email", "where the certificate authority may write to", ""},
		{"server.acme.directory", "acme-directory", "URL of the authority's ACME directory", acme.LetsEncrypt},
		{"server.acme.ca_path", "acme-ca", "CA of that directory's own certificate, PEM (default: the system's)", ""},
		{"server.acme.storage", "acme-storage", "folder of accounts and certificates, which servers may share (default: acme in the state directory)", ""},
		{"server.acme.agree", "acme-agree", "agree to the authority's terms of service", false},
		{"server.users", "users", "user file (socksctl user add)", ""},
		{"server.auth_command", "auth-command", "program that verifies logins, in place of a user file: name and password are lines of its stdin, exit 0 admits", ""},
		{"server.same_user", "same-user", "turn away clients on this host that another user runs (Linux)", false},
		{"server.acl", "acl", "rule file: who may go where", ""},
		{"server.allow_private", "allow-private", "let clients reach loopback and private networks (always, when every listener is on loopback)", false},
		{"server.commands", "commands", "commands that are served", "connect,bind,udp"},
		{"server.udp_roaming", "udp-roaming", "let a client change the port it sends datagrams from", false},
		{"server.udp_full_cone", "udp-full-cone", "let datagrams in from hosts that none was sent to", false},
		{"server.advertise", "advertise", "public host in BIND and UDP replies", ""},
		{"server.port_range", "port-range", "ports of BIND listeners and UDP relays, FIRST-LAST", ""},
		{"server.proxy_protocol", "proxy-protocol", "network of load balancers: their connections begin with a PROXY header, which says who the client is", []string(nil)},
		{"server.insecure_open_proxy", "insecure-open-proxy", "serve anyone, beyond loopback, without a login", false},
		{"server.drain_timeout", "drain-timeout", "how long sessions may go on after SIGTERM", 30 * time.Second},
		{"server.admin", "admin", "where the service is talked to: unix:PATH, host:port or both; off: nowhere (default: a unix socket of the user's)", []string(nil)},
		{"server.admin_token_path", "admin-token-file", "file whose first line is the token for what is asked over an address", ""},
		{"server.pprof", "pprof", "profiles of the runtime on the admin socket, for go tool pprof", false},
		{"server.landlock", "landlock", "keep the process to the files that it needs, by the kernel: on, off, or auto, where the kernel can and there is no auth-command (Linux)", "auto"},
	}, limitSettings(), historySettings(), auditSettings(), logSettings())
}

// auditSettings is what serve writes who did what by.
func auditSettings() []setting {
	return []setting{
		{"audit.path", "audit", "write who did what, as lines of JSON: to a file, - or syslog:[unix:///path, udp://host:port, tcp://host:port]", ""},
		{"audit.required", "audit-required", "refuse sessions that cannot be written there", false},
	}
}

// historySettings is what sessions are written down by. A forwarder has a place of
// its own, and the rest in common with serve.
func historySettings() []setting {
	return []setting{
		{"history.url", "history", "where sessions are written down: sqlite:///path, postgres://user@host/database or off (default: a SQLite file in the state directory)", ""},
		{"history.node", "node", "name of this server in what is written down (default: the host's)", ""},
		{"history.retention", "history-retention", "how long it is kept; 0 is for ever", 90 * 24 * time.Hour},
		{"history.destinations", "history-destinations", "what is kept of where sessions went: full, host or none", "full"},
	}
}

func limitSettings() []setting {
	return []setting{
		{"server.limits.handshake_timeout", "handshake-timeout", "from accept until the request is read; 0 is the default", 10 * time.Second},
		{"server.limits.connect_timeout", "connect-timeout", "of a CONNECT; 0 is the default", 10 * time.Second},
		{"server.limits.bind_timeout", "bind-timeout", "of a BIND for its peer; 0 is the default", 300 * time.Second},
		{"server.limits.udp_timeout", "udp-timeout", "of an association without a datagram; 0 is the default", 120 * time.Second},
		{"server.limits.idle_timeout", "idle-timeout", "of a tunnel without a byte; 0 is for ever", time.Duration(0)},
		{"server.limits.warm_timeout", "warm-timeout", "of a forwarder's connection held ready; 0 is the default", 90 * time.Second},
		{"server.limits.max_conns", "max-conns", "connections at once; 0: half the descriptor limit", 0},
		{"server.limits.max_handshakes", "max-handshakes", "connections not yet admitted; 0 is the default", 1024},
		{"server.limits.max_conns_per_ip", "max-conns-per-ip", "connections at once from one address, of IPv6 from its /64; 0 is no bound", 0},
		{"server.limits.max_login_failures", "max-login-failures", "failed logins that lock an address out, or a user on this host; 0 is the default", 5},
		{"server.limits.login_lock", "login-lock", "how long that is at first; it doubles up to 15 minutes; 0 is the default", 10 * time.Second},
		{"server.limits.per_user.max_conns", "max-conns-per-user", "connections at once of one user; 0 is no bound", 0},
		{"server.limits.per_user.max_binds", "max-binds-per-user", "BIND listeners at once of one user; 0 is no bound", 64},
		{"server.limits.per_user.max_associations", "max-associations-per-user", "UDP associations at once of one user; 0 is no bound", 512},
		{"server.limits.per_user.max_targets", "max-targets", "hosts of an association that answers may come from; 0: 4096", 0},
		{"server.limits.per_user.bandwidth", "bandwidth-per-user", "bytes a second of one user each way, such as 10MiB; 0 is no bound", "0"},
		{"server.limits.per_user.datagrams", "datagrams-per-user", "datagrams a second of one user each way; 0 is no bound", 0},
	}
}

// forwardSettings is what forward takes.
func forwardSettings() []setting {
	return append([]setting{
		{"forward.local", "local", "address for apps: :PORT is both loopbacks; host:port or unix:PATH", []string{"127.0.0.1:1080"}},
		{"forward.server", "server", "a server, socks5+tls://[user@]host[:port]; of several, --balance chooses", []string(nil)},
		{"forward.server_srv", "server-srv", "SRV records of the servers in place of --server, [socks5+tls://[user@]]NAME", ""},
		{"forward.balance", "balance", "which of several servers: failover (the first that works), round-robin or latency", "failover"},
		{"forward.check_interval", "check-interval", "time between two checks of a server by a handshake; 0: they are not checked", 30 * time.Second},
		{"forward.warm", "warm", "connections held ready to each server, by use, so many at most; 0: none", client.DefaultWarm},
		{"forward.warm_time", "warm-time", "how long each is held: less than the server's --warm-timeout", client.DefaultWarmFor},
		{"forward.ca_path", "ca", "CA of the server's certificate, PEM (default: the system's)", ""},
		{"forward.certificate_path", "cert", "certificate to show the server, PEM", ""},
		{"forward.private_key_path", "key", "its private key, PEM", ""},
		{"forward.server_name", "server-name", "name in the server's certificate, when not that of --server", ""},
		{"forward.pins", "pin", "pin of the server's key, sha256/BASE64 (socksctl cert show)", []string(nil)},
		{"forward.password_path", "password-file", "file with the password for the servers whose URL has none", ""},
		{"forward.udp", "udp", "how datagrams travel to the server: tls, plain or off", "tls"},
		{"forward.users", "users", "user file for the apps (socksctl user add)", ""},
		{"forward.same_user", "same-user", "turn away clients on this host that another user runs (Linux)", false},
		{"forward.acl", "acl", "rule file: who may go where", ""},
		{"forward.insecure_open_proxy", "insecure-open-proxy", "serve anyone, beyond loopback, without a login", false},
		{"forward.drain_timeout", "drain-timeout", "how long sessions may go on after SIGTERM", 30 * time.Second},
		{"forward.admin", "admin", "where the service is talked to: unix:PATH, host:port or both; off: nowhere (default: a unix socket of the user's)", []string(nil)},
		{"forward.admin_token_path", "admin-token-file", "file whose first line is the token for what is asked over an address", ""},
		{"forward.pprof", "pprof", "profiles of the runtime on the admin socket, for go tool pprof", false},
		{"forward.landlock", "landlock", "keep the process to the files that it needs, by the kernel: on, off, or auto, where the kernel can (Linux)", "auto"},
		{"forward.history", "history", "where sessions are written down, as for serve (default: nowhere)", ""},
	}, slices.Concat(historySettings()[1:], logSettings())...)
}

func logSettings() []setting {
	return []setting{
		{"log.level", "log-level", "debug, info, warn or error", "info"},
		{"log.format", "log-format", "text or json", "text"},
	}
}

// fileSettings is what only the file and the environment can say.
func fileSettings() []setting {
	return []setting{
		{"server.tls.enabled", "", "whether there are TLS listeners (default: when listen has an address)", nil},
		{"server.tls.require_client_auth", "", "whether client certificates are required (default: when there is a CA for them)", nil},
	}
}
