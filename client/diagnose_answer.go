package client

import (
	"errors"
	"fmt"
	"net"

	"github.com/socksctl/socksctl/internal/socks5"
)

// addressHint is for refusals that a name might not have met.
const addressHint = "; an app that looks names up itself sends addresses, which rules for names do not match and which may mean nothing at the proxy: " +
	"have it send the name (in curl and others, socks5h:// in place of socks5://)"

// diagnoseAnswer tells what the proxy's answer to a request means.
func (d *Diagnosis) diagnoseAnswer(err error) {
	reply := socks5.Succeeded
	switch {
	case errors.Is(err, ErrUDPNotEncrypted):
		d.Cause, d.Next = CauseUDPNotEncrypted, "a socksctl server can; if this one is to stay, --udp plain sends datagrams in clear text"
		return
	case errors.Is(err, ErrUDPOff):
		d.Cause = CauseUDPOff
		return
	case errors.Is(err, errTimeout):
		d.Cause, d.Next = silentCause(err)
		return
	case !errors.As(err, &reply):
		return
	}
	d.Why = fmt.Sprintf("%s (REP %02x)", d.Why, byte(reply))
	op, _ := errors.AsType[*net.OpError](err)
	if op == nil {
		op = new(net.OpError)
	}
	d.Cause, d.Next = replyCause(reply, op.Op)
	if _, literal := op.Addr.(*net.TCPAddr); literal && op.Op == "connect" && (d.Cause == CauseDenied || d.Cause == CauseTargetUnreachable) {
		d.Next += addressHint
	}
}

// silentCause is of a reply that did not come.
func silentCause(err error) (Cause, string) {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "accept" {
		return CauseNobodyCame, "has the peer been told the address, and does a firewall let it through to that port?"
	}
	return CauseSilent, "the proxy took the request and does not answer it: its log may say what it waits for"
}

// replyCause is of a reply to the operation op, as a net.OpError has it.
func replyCause(reply socks5.Reply, op string) (Cause, string) {
	switch reply {
	case socks5.NotAllowed:
		return CauseDenied, "a rule of the proxy forbids it: its log names the rule, and \"socksctl acl test\" there says beforehand; " +
			"private and loopback addresses take --allow-private or a rule there"
	case socks5.CommandNotSupported:
		return CauseCommandOff, "the proxy does not serve this command: in socksctl serve --commands switches it on"
	case socks5.NetworkUnreachable:
		return CauseTargetUnreachable, "the proxy has no way to that network; a forwarder says so when it cannot use its server, and its log says why"
	case socks5.HostUnreachable:
		return CauseTargetUnreachable, "the proxy finds no such name, or no way to that host: is it right?"
	case socks5.ConnectionRefused:
		return CauseTargetRefused, "the proxy works: nothing listens on that port of the target"
	case socks5.TTLExpired:
		if op == "accept" {
			return CauseNobodyCame, "has the peer been told the address, and does a firewall let it through to that port?"
		}
		return CauseTargetSilent, "the proxy works: the target does not answer it, or a firewall between them drops what it sends"
	case socks5.AddressTypeNotSupported:
		return CauseTargetUnreachable, "the proxy does not know this kind of address: has it IPv6?"
	}
	return CauseProxyFailed, "the proxy's log says why"
}
