// Package config is the configuration file: what it may hold, and how it is
// read. A file is TOML; YAML and JSON are told by their ending. An unknown key
// and a value that means nothing are errors that name the file, the line and
// the key.
package config

// Config is the whole file.
type Config struct {
	Server  Server  `toml:"server" yaml:"server"`
	Forward Forward `toml:"forward" yaml:"forward"`
	History History `toml:"history" yaml:"history"`
	Audit   Audit   `toml:"audit" yaml:"audit"`
	Log     Log     `toml:"log" yaml:"log"`
}

// Server is what `socksctl serve` reads.
type Server struct {
	Listen            []string  `toml:"listen" yaml:"listen"` // plain SOCKS
	TLS               TLS       `toml:"tls" yaml:"tls"`
	Users             string    `toml:"users" yaml:"users"`               // the user file
	AuthCommand       string    `toml:"auth_command" yaml:"auth_command"` // verifies logins in place of it
	SameUser          bool      `toml:"same_user" yaml:"same_user"`
	ACL               string    `toml:"acl" yaml:"acl"` // the rule file
	AllowPrivate      bool      `toml:"allow_private" yaml:"allow_private"`
	Commands          Commands  `toml:"commands" yaml:"commands"` // that are served; empty: all
	UDPRoaming        bool      `toml:"udp_roaming" yaml:"udp_roaming"`
	UDPFullCone       bool      `toml:"udp_full_cone" yaml:"udp_full_cone"`
	Advertise         string    `toml:"advertise" yaml:"advertise"` // public host in BIND and UDP replies
	PortRange         PortRange `toml:"port_range" yaml:"port_range"`
	InsecureOpenProxy bool      `toml:"insecure_open_proxy" yaml:"insecure_open_proxy"`
	DrainTimeout      Duration  `toml:"drain_timeout" yaml:"drain_timeout"`
	ProxyProtocol     []Prefix  `toml:"proxy_protocol" yaml:"proxy_protocol"` // of the balancers that say who the client is
	Admin             Places    `toml:"admin" yaml:"admin"`                   // where it is talked to; empty: the default place
	AdminTokenPath    string    `toml:"admin_token_path" yaml:"admin_token_path"`
	Pprof             bool      `toml:"pprof" yaml:"pprof"`
	ACME              ACME      `toml:"acme" yaml:"acme"`
	Landlock          Landlock  `toml:"landlock" yaml:"landlock"`
	Limits            Limits    `toml:"limits" yaml:"limits"`
}

// TLS is the TLS listeners of a server. Enabled nil means: if there is
// something in Listen.
type TLS struct {
	Enabled           *bool    `toml:"enabled" yaml:"enabled"`
	Listen            []string `toml:"listen" yaml:"listen"`
	CertificatePath   string   `toml:"certificate_path" yaml:"certificate_path"`
	PrivateKeyPath    string   `toml:"private_key_path" yaml:"private_key_path"`
	MinVersion        Version  `toml:"min_protocol_version" yaml:"min_protocol_version"`
	RequireClientAuth *bool    `toml:"require_client_auth" yaml:"require_client_auth"`
	ClientAuth        Auth     `toml:"client_auth" yaml:"client_auth"` // finer than RequireClientAuth, and before it
	ClientCAPath      string   `toml:"client_ca_path" yaml:"client_ca_path"`
	ClientCRLPath     string   `toml:"client_crl_path" yaml:"client_crl_path"`
	Identity          Identity `toml:"cert_identity" yaml:"cert_identity"`
}

// ACME is the certificates of the TLS listeners that an authority issues.
type ACME struct {
	Domains   []string `toml:"domains" yaml:"domains"`
	Email     string   `toml:"email" yaml:"email"`
	Directory string   `toml:"directory" yaml:"directory"` // URL; empty: the default authority's
	CAPath    string   `toml:"ca_path" yaml:"ca_path"`     // of the directory; empty: the system's
	Storage   string   `toml:"storage" yaml:"storage"`     // folder; empty: in the state directory
	Agree     bool     `toml:"agree" yaml:"agree"`         // to the authority's terms
}

// On tells whether there are TLS listeners.
func (t TLS) On() bool {
	if t.Enabled != nil {
		return *t.Enabled
	}
	return len(t.Listen) > 0
}

// Limits is server.Limits. A zero keeps the server's default.
type Limits struct {
	Handshake     Duration `toml:"handshake_timeout" yaml:"handshake_timeout"`
	Connect       Duration `toml:"connect_timeout" yaml:"connect_timeout"`
	Bind          Duration `toml:"bind_timeout" yaml:"bind_timeout"`
	UDP           Duration `toml:"udp_timeout" yaml:"udp_timeout"`
	Idle          Duration `toml:"idle_timeout" yaml:"idle_timeout"`
	Warm          Duration `toml:"warm_timeout" yaml:"warm_timeout"`
	MaxConns      Count    `toml:"max_conns" yaml:"max_conns"`
	MaxHandshakes Count    `toml:"max_handshakes" yaml:"max_handshakes"`
	PerUser       PerUser  `toml:"per_user" yaml:"per_user"`

	MaxConnsPerIP Count    `toml:"max_conns_per_ip" yaml:"max_conns_per_ip"`
	LoginFailures Count    `toml:"max_login_failures" yaml:"max_login_failures"`
	LoginLock     Duration `toml:"login_lock" yaml:"login_lock"`
}

// PerUser is server.Quota, of each user for whom the rules say nothing else. A
// zero is no bound.
type PerUser struct {
	Conns        Count     `toml:"max_conns" yaml:"max_conns"`
	Binds        Count     `toml:"max_binds" yaml:"max_binds"`
	Associations Count     `toml:"max_associations" yaml:"max_associations"`
	Bandwidth    Bandwidth `toml:"bandwidth" yaml:"bandwidth"`
	Datagrams    Count     `toml:"datagrams" yaml:"datagrams"`
	Targets      Count     `toml:"max_targets" yaml:"max_targets"`
}

// Forward is what `socksctl forward` reads.
type Forward struct {
	Local             []string `toml:"local" yaml:"local"`
	Server            []string `toml:"server" yaml:"server"`         // URLs
	ServerSRV         string   `toml:"server_srv" yaml:"server_srv"` // in place of them: the name of SRV records
	Balance           Balance  `toml:"balance" yaml:"balance"`
	CheckInterval     Duration `toml:"check_interval" yaml:"check_interval"` // 0: servers are not checked
	Warm              Count    `toml:"warm" yaml:"warm"`                     // connections held ready to each server; 0: none
	WarmTime          Duration `toml:"warm_time" yaml:"warm_time"`           // each
	CAPath            string   `toml:"ca_path" yaml:"ca_path"`
	CertificatePath   string   `toml:"certificate_path" yaml:"certificate_path"`
	PrivateKeyPath    string   `toml:"private_key_path" yaml:"private_key_path"`
	ServerName        string   `toml:"server_name" yaml:"server_name"`
	Pins              []string `toml:"pins" yaml:"pins"`
	PasswordPath      string   `toml:"password_path" yaml:"password_path"`
	UDP               UDPMode  `toml:"udp" yaml:"udp"`
	Users             string   `toml:"users" yaml:"users"` // of the apps, not of the server
	SameUser          bool     `toml:"same_user" yaml:"same_user"`
	ACL               string   `toml:"acl" yaml:"acl"` // the rule file
	InsecureOpenProxy bool     `toml:"insecure_open_proxy" yaml:"insecure_open_proxy"`
	DrainTimeout      Duration `toml:"drain_timeout" yaml:"drain_timeout"`
	Admin             Places   `toml:"admin" yaml:"admin"` // where it is talked to; empty: the default place
	AdminTokenPath    string   `toml:"admin_token_path" yaml:"admin_token_path"`
	Pprof             bool     `toml:"pprof" yaml:"pprof"`
	Landlock          Landlock `toml:"landlock" yaml:"landlock"`
	History           Location `toml:"history" yaml:"history"` // where its sessions are written down
}

// History is where `socksctl serve` writes sessions down and `socksctl sessions` reads
// them, and how, which is as well for a forwarder.
type History struct {
	URL          Location     `toml:"url" yaml:"url"`
	Node         string       `toml:"node" yaml:"node"` // empty: the name of the host
	Retention    Duration     `toml:"retention" yaml:"retention"`
	Destinations Destinations `toml:"destinations" yaml:"destinations"`
}

// Audit is where `socksctl serve` writes who did what.
type Audit struct {
	Path     string `toml:"path" yaml:"path"`         // of a file, "-" or "syslog:..."; empty: nowhere
	Required bool   `toml:"required" yaml:"required"` // no record, no session
}

// Log is how both talk.
type Log struct {
	Level  Level  `toml:"level" yaml:"level"`
	Format Format `toml:"format" yaml:"format"`
}
