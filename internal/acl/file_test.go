package acl_test

import (
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

func TestErrors(t *testing.T) {
	const alice = "[[users]]\nname='alice'\n"
	const one = alice + "[[users.rules]]\naction='allow'\n"
	for text, want := range map[string]string{
		"[global]\ndefault='allow'":                                     "f: line 2: unknown key global.default",
		"[global]\ndefault_policy='x'":                                  `f: line 2: global.default_policy: "x" is not one of allow, block`,
		alice + "\n[[users]]\nname='alice'":                             `f: line 4: users.name: "alice" is there twice`,
		alice + "[[users]]\nusername='alice'":                           `f: line 3: users.name: "alice" is there twice`,
		"[[users]]\ngroups=['g']":                                       "f: line 1: users.name: is missing",
		alice + "username='bob'":                                        "f: line 1: users.username: is there beside name",
		"users=[{name='a'}, {name='a'}]":                                `f: users.name: "a" is there twice`,
		"\t[[ users ]]":                                                 "f: line 1: users.name: is missing",
		"[[groups]]\nusername='g'":                                      "f: line 1: groups.username: a group has a name",
		"[[groups]]\nname='g'\ngroups=['h']":                            "f: line 1: groups.groups: a group is in no groups",
		alice + "[[users.rules]]\npriority=1":                           "f: line 1: users.rules.action: is missing in rule 1 of alice",
		one + "protocols=['tcp']\ncommands=['udp']":                     "f: line 1: users.rules.protocols: are of none of the commands in rule 1 of alice",
		one + "destinations=[]":                                         "f: line 1: users.rules.destinations: is empty, and means all when it is left out, in rule 1 of alice",
		one + "ports=[]":                                                "f: line 1: users.rules.ports: is empty, and means all when it is left out, in rule 1 of alice",
		one + "protocols=[]":                                            "f: line 1: users.rules.protocols: is empty, and means all when it is left out, in rule 1 of alice",
		one + "commands=[]":                                             "f: line 1: users.rules.commands: is empty, and means all when it is left out, in rule 1 of alice",
		one + "sources=[]":                                              "f: line 1: users.rules.sources: is empty, and means all when it is left out, in rule 1 of alice",
		one + "ports='9-1'":                                             `f: line 5: users.rules.ports: "9-1" is not ports such as "443", "8000-9000", "80,443" or "*"`,
		one + "ports=['80', 'http']":                                    `f: line 5: users.rules.ports: "http" is not a port such as "443", "8000-9000" or "*"`,
		one + "ports=65536":                                             `f: line 5: users.rules.ports: "65536" is not ports such as "443", "8000-9000", "80,443" or "*"`,
		one + "sources=['10.0.0.1/8']":                                  `f: line 5: users.rules.sources: "10.0.0.1/8" has bits beyond its mask: write 10.0.0.0/8`,
		one + "sources=['a.test']":                                      `f: line 5: users.rules.sources: "a.test" is not an address or CIDR`,
		one + "destinations=['fe80::1%lo']":                             `f: line 5: users.rules.destinations: "fe80::1%lo" is not an address or CIDR`,
		one + "destinations=['10.0.0.0/33']":                            `f: line 5: users.rules.destinations: "10.0.0.0/33" is not an address or CIDR`,
		one + "destinations=['a..test']":                                `f: line 5: users.rules.destinations: "a..test" is not an address, a CIDR, a name or a name with wildcards`,
		one + "destinations=['*.a*.test']":                              `f: line 5: users.rules.destinations: "*.a*.test" has a wildcard where none can be`,
		alice + "[[users.rules]]\naction='block'\nlimits={max_conns=1}": "f: line 1: users.rules.limits: are nothing for who is blocked in rule 1 of alice",
		alice + "[users.limits]\nmax_conns=-1":                          `f: line 4: users.limits.max_conns: "-1" is not a whole number of 0 or more`,
		alice + "[users.limits]\nmax_binds='many'":                      `f: line 4: users.limits.max_binds: "many" is not a whole number of 0 or more`,
		alice + "[users.limits]\nconns=1":                               "f: line 4: unknown key users.limits.conns",
		alice + "limits={bandwidth='10 parsecs'}":                       `f: line 3: users.limits: "10 parsecs" is not a bandwidth such as "10MiB", "512KiB", "1MB" or "1000000"`,
		alice + "limits={bandwidth='9999999999GiB'}":                    `f: line 3: users.limits: "9999999999GiB" is not a bandwidth such as "10MiB", "512KiB", "1MB" or "1000000"`,
		alice + "limits={bandwidth='1000'}":                             `f: line 3: users.limits: "1000" is less than 1KiB, and 0 is no limit`,
		one + "limits={max_targets=1, max_hosts=1}":                     "f: line 5: unknown key users.rules.max_hosts",
	} {
		if _, err := acl.Parse("f", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// Ports are a number, text, or a list; a user has a name or a username.
func TestSpellingsOfTheFile(t *testing.T) {
	for _, ports := range []string{"443", "'443'", "'80,443'", "'80, 440-450'", "['80', '443']", "[80, 443]", "['440-450']", "'*'", "['*']"} {
		p := policy(t, "[[users]]\nusername='alice'\n[[users.rules]]\naction='allow'\nports="+ports, acl.Options{})
		for port, want := range map[uint16]bool{443: true, 81: ports == "'*'" || ports == "['*']"} {
			if d := p.Decide(ask(server.StageRequest, "a.test", "", port)); d.Allowed != want {
				t.Errorf("ports=%s, %d: got %v, want allowed %v", ports, port, d, want)
			}
		}
	}
}
