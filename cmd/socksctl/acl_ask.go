package main

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// aclQuestion is what acl test asks.
type aclQuestion struct {
	file, user, to, address string
	protocol, command, from string
	groups                  []string
	options                 acl.Options
	json                    bool
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
		Example: "  socksctl acl test --acl rules.toml --user alice --to example.com:443 --address 203.0.113.5",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return q.ask(s) },
	}
	flags := test.Flags()
	flags.StringVar(&q.file, "acl", "", "the rule file")
	flags.StringVar(&q.user, "user", "", "who asks; nobody in particular without it")
	flags.StringSliceVar(&q.groups, "group", nil, "groups of the user beside those of the file")
	flags.StringVar(&q.to, "to", "", "where to, HOST:PORT; a name is not looked up")
	flags.StringVar(&q.address, "address", "", "what the name in --to is taken to stand for, judged as well")
	flags.StringVar(&q.protocol, "protocol", "tcp", "tcp or udp")
	flags.StringVar(&q.command, "command", "", "connect, bind or udp (default: by the protocol)")
	flags.StringVar(&q.from, "from", "", "address of the client")
	flags.BoolVar(&q.options.AllowPrivate, "allow-private", false, "as for a server that has it")
	flags.BoolVar(&q.options.Unresolved, "forwarder", false, "as on a forwarder, which looks no name up")
	flags.BoolVar(&q.json, "json", false, "print JSON")
	cmd.AddCommand(test)
	return cmd
}

// ask prints the answer.
func (q *aclQuestion) ask(s streams) error {
	if q.to == "" {
		return misuse("--to names where to, HOST:PORT, and is missing")
	}
	query, err := q.query()
	if err != nil {
		return err
	}
	resolved, err := q.resolved(query)
	if err != nil {
		return err
	}
	q.options.AllowPrivate = q.options.AllowPrivate || q.options.Unresolved // is for the server to judge
	policy, err := acl.New(q.file, q.options)
	if err != nil {
		return misconfigured(err)
	}
	asked, reached := policy.Decide(query), acl.Decision{}
	if q.address != "" && asked.Allowed {
		reached = policy.Decide(resolved)
	}
	if q.json {
		return json.NewEncoder(s.out).Encode(q.verdict(asked, reached))
	}
	fmt.Fprintln(s.out, asked)
	if reached != (acl.Decision{}) {
		fmt.Fprintf(s.out, "at %s: %v\n", q.address, reached)
	}
	return nil
}

// verdict is what acl test prints as JSON.
type verdict struct {
	Allowed bool     `json:"allowed"`
	Rule    string   `json:"rule"`
	Address string   `json:"address,omitempty"` // that was judged, with the name
	Name    *verdict `json:"name,omitempty"`    // what was said before that
}

// verdict puts both decisions together; reached is zero where there is but one.
func (q *aclQuestion) verdict(asked, reached acl.Decision) verdict {
	first := verdict{Allowed: asked.Allowed, Rule: asked.Rule}
	if reached == (acl.Decision{}) {
		return first
	}
	return verdict{Allowed: reached.Allowed, Rule: reached.Rule, Address: q.address, Name: &first}
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
		from, err := netip.ParseAddr(q.from)
		if err != nil {
			return query, misuse("--from: %w", err)
		}
		query.Source = from.Unmap()
	}
	return query, nil
}

// resolved returns query, about a name, as it is put once that is looked up: to
// be asked if there is an address.
func (q *aclQuestion) resolved(query acl.Query) (acl.Query, error) {
	if q.address == "" {
		return query, nil
	}
	ip, err := netip.ParseAddr(q.address)
	if err != nil {
		return query, misuse("--address: %w", err)
	}
	if query.Host == "" || q.options.Unresolved {
		return query, misuse("--address is for a name in --to, on a server")
	}
	query.Addr = netip.AddrPortFrom(ip, query.Port())
	switch query.Command {
	case "connect":
		query.Stage = server.StageDial
	case "bind":
		query.Stage = server.StagePeer
	}
	return query, nil
}
