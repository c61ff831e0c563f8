//go:build linux

package realtest_test

import (
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// fleet adds two hosts to the world that the host of the proxy leads to, from the
// laptop and to the internet, and what DNS tells of them.
func (w *world) fleet(t *testing.T) {
	t.Helper()
	const balancer = "192.0.2.10"
	ip := program(t, "ip", "iproute2")
	mustRun(t, command("nsenter", "--net=/run/netns/server", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"))
	mustRun(t, command(ip, "route", "add", "192.0.2.0/24", "via", serverAddr))
	mustRun(t, command(ip, "-n", "internet", "route", "add", "192.0.2.0/24", "via", serverPublic))
	for _, line := range []string{
		"netns add HOST",
		"-n HOST link set lo up",
		"-n server link add name HOST type veth peer name server netns HOST",
		"-n server addr add " + balancer + " peer ADDR dev HOST",
		"-n HOST addr add ADDR peer " + balancer + " dev server",
		"-n server link set dev HOST up",
		"-n HOST link set server up",
		"-n HOST route add default via " + balancer,
	} {
		for host, addr := range map[string]string{"a": "192.0.2.11", "b": "192.0.2.12"} {
			mustRun(t, command(ip, strings.Fields(strings.NewReplacer("HOST", host, "ADDR", addr).Replace(line))...))
		}
	}
	answerAt(t, "127.0.0.1:53", answerSRV)
}

// answerSRV knows the servers of example.com, and nothing else.
func answerSRV(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
	for _, q := range m.Questions {
		if q.Type != dnsmessage.TypeSRV || q.Name.String() != "_socks._tcp.example.com." {
			continue
		}
		m.RCode = dnsmessage.RCodeSuccess
		for _, host := range []string{"a", "b"} {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeSRV, Class: q.Class, TTL: 60},
				Body:   &dnsmessage.SRVResource{Weight: 1, Port: 1443, Target: dnsmessage.MustNewName(host + ".example.com.")},
			})
		}
	}
	return m.Pack()
}

// fleetPrelude makes ssh what the documents call so: it leads to one of the hosts of
// the world. Those of the fleet have a name and files of their own, for as long as there
// is the process that was begun with them.
const fleetPrelude = `
make_hosts() {
	local host
	for host in a b; do make_host "$host"; done
}
declare -A hosts
make_host() {
	nsenter --net="/run/netns/$1" unshare --uts --mount setpriv --pdeathsig KILL sh -euc 'hostname "$1"
		for dir in /etc/socksctl /run/socksctl /var/lib/socksctl; do mount -t tmpfs -o mode=0700 tmpfs "$dir"; done
		>"$1.made"
		exec sleep infinity' - "$1" &
	hosts[$1]=$!
	until [ -e "$1.made" ]; do wait_a_little; done
}
ssh() {
	local host=${1%%.*}
	case $* in
	"$host.example.com systemctl start socksctl-serve")
		beside "$host" nsenter --target "${hosts[$host]}" --net --uts --mount "$PROGRAM" serve ;;
	"$host.example.com systemctl stop socksctl-serve") finish "$host" ;;
	'proxy.example.com systemctl start haproxy') balance ;;
	[ab].example.com*) nsenter --target "${hosts[$host]}" --net --uts --mount sh -c "${*:2}" ;;
	db.example.com*) PGHOST=db.example.com PGUSER=postgres nsenter --net=/run/netns/internet sh -c "${*:2}" ;;
	proxy.example.com*) nsenter --net=/run/netns/server sh -c "${*:2}" ;;
	*) command ssh "$@" ;;
	esac
}
balance() {
	nsenter --net=/run/netns/server setpriv --pdeathsig KILL haproxy -db -f /etc/haproxy/haproxy.cfg >haproxy.log 2>&1 &
	until (: <>/dev/tcp/proxy.example.com/1443) 2>/dev/null; do wait_a_little; done
}
`
