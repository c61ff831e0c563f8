package main

import (
	"errors"
	"net"
	"slices"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/server"
)

// useRules has the sessions of v, whose logins and listeners are there, judged by
// a rule file, and without one by the kind of address alone. Where nothing else
// keeps strangers out, the rules have to, now and after each reload.
func (v *service) useRules(file string, o acl.Options) error {
	open, _ := v.open()
	o.MustKnowClients = file != "" && open != nil
	policy, err := acl.New(file, o)
	if errors.Is(err, server.ErrOpenProxy) {
		return &openListener{shown(open.Addr()), err}
	}
	if err != nil {
		return err
	}
	v.Policy = policy
	if o.MustKnowClients && len(v.Auth) > 0 { // certificates, which a plain listener cannot ask for
		v.Auth = append(v.Auth, auth.Plain())
	}
	if file != "" {
		v.parts = append(v.parts, part{name: "rules", files: []string{file}, prepare: policy.Prepare})
	}
	if o.Unresolved && policy.HasAddressRules() {
		v.log.Warn("names are looked up by the server: rules with addresses judge literals only", "acl", file)
	}
	return nil
}

// onLoopback tells whether only this host can reach the listeners: not so if
// balancers pass others on to them.
func (v *service) onLoopback() bool {
	if len(v.Balancers.Trusted) > 0 {
		return false
	}
	for _, l := range slices.Concat(v.plain, v.secure) {
		switch addr := v.reach(l).(type) {
		case *net.TCPAddr:
			if !addr.IP.IsLoopback() {
				return false
			}
		case distant:
			return false
		}
	}
	return true
}
