package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// useRules has the sessions of v judged by a rule file, and without one by the
// kind of address alone.
func (v *service) useRules(file string, o acl.Options) error {
	policy, err := acl.New(file, o)
	if err != nil {
		return err
	}
	v.Policy = policy
	v.reload = append(v.reload, policy.Reload)
	if o.Unresolved && policy.HasAddressRules() {
		v.log.Warn("names are looked up by the server: rules with addresses judge literals only", "acl", file)
	}
	return nil
}

// onLoopback tells whether only this host can reach the listeners.
func (v *service) onLoopback() bool {
	for _, l := range slices.Concat(v.plain, v.secure) {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			return false
		}
	}
	return true
}

// aclQuestion is what acl test asks.
type aclQuestion struct {
	file, user, to, protocol, command, from string
	groups                                  []string
	options                                 acl.Options
}

func aclCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "acl",
		Short:   "Ask a rule file who may go where",
		Example: "  socksctl acl test --acl rules.toml --user alice --to example.com:443",
	}
	var q aclQuestion
	test := &cobra.Command{
		Use:     "test",
		Short:   "Print a decision and the rule that makes it",
		Example: "  socksctl acl test --acl rules.toml --user alice --to example.com:443",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return q.ask(s) },
	}
	flags := test.Flags()
	flags.StringVar(&q.file, "acl", "", "the rule file")
	flags.StringVar(&q.user, "user", "", "who asks; nobody in particular without it")
	flags.StringSliceVar(&q.groups, "group", nil, "groups of the user beside those of the file")
	flags.StringVar(&q.to, "to", "", "where to, HOST:PORT; a name is not looked up")
	flags.StringVar(&q.protocol, "protocol", "tcp", "tcp or udp")
	flags.StringVar(&q.command, "command", "", "connect, bind or udp (default: by the protocol)")
	flags.StringVar(&q.from, "from", "", "address of the client")
	flags.BoolVar(&q.options.AllowPrivate, "allow-private", false, "as for a server that has it")
	cmd.AddCommand(test)
	return cmd
}

// ask prints the answer.
func (q *aclQuestion) ask(s streams) error {
	query, err := q.query()
	if err != nil {
		return err
	}
	policy, err := acl.New(q.file, q.options)
	if err != nil {
		return misconfigured(err)
	}
	_, err = fmt.Fprintln(s.out, policy.Decide(query))
	return err
}

// query returns the question as a server would put it.
func (q *aclQuestion) query() (acl.Query, error) {
	to, err := socks5.ParseAddr(q.to)
	if err != nil {
		return acl.Query{}, misuse("--to: %w", err)
	}
	query := acl.Query{User: q.user, Groups: q.groups, Command: q.command}
	query.Host, query.Addr = to.Name, netip.AddrPortFrom(to.IP, to.Port)
	switch {
	case q.protocol == "udp" && (q.command == "" || q.command == "udp"):
		query.Command = "udp"
	case q.protocol == "tcp" && q.command == "":
		query.Command = "connect"
	case q.protocol == "tcp" && (q.command == "connect" || q.command == "bind"):
	default:
		return query, misuse("--protocol %s and --command %s do not go together", q.protocol, q.command)
	}
	query.Stage = server.StageRequest
	if query.Command == "udp" {
		query.Stage = server.StageDatagram
	}
	if q.from != "" {
		if query.Source, err = netip.ParseAddr(q.from); err != nil {
			return query, misuse("--from: %w", err)
		}
	}
	return query, nil
}
