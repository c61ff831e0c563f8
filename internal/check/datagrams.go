package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/socksctl/socksctl/client"
)

// The causes of datagrams that go nowhere.
const (
	CauseUDPBlocked   client.Cause = "udp_blocked"    // none comes back
	CauseUDPClearOnly client.Cause = "udp_clear_only" // the proxy takes them, but not inside TLS
)

// tries is how often a datagram is sent: one may be lost.
const tries = 3

// datagrams asks for an association, and sends datagrams where there is somebody to
// answer them.
func (r *run) datagrams(ctx context.Context) {
	opening, took := timed(ctx)
	pc, err := r.Dialer.ListenPacket(opening, "udp", "")
	opened := took()
	inTLS := r.Dialer.TLS != nil && r.Dialer.UDP == client.UDPTLS
	switch {
	case r.Dialer.TLS == nil:
		r.skip("the proxy is one without TLS: datagrams travel as all the rest", StepUDPInTLS)
	case !inTLS:
		r.skip("--udp plain: datagrams travel beside TLS, in clear text", StepUDPInTLS)
	case err != nil:
		r.add(r.notInTLS(ctx, err))
		r.skip(needless, StepUDP)
		return
	default:
		r.add(Step{Name: StepUDPInTLS, Status: OK, Took: opened, Found: "datagrams travel inside the TLS connection"})
	}
	if err != nil {
		r.add(failed(StepUDP, err))
		return
	}
	defer pc.Close()
	if r.UDPTarget == "" {
		r.add(Step{Name: StepUDP, Status: Untested, Took: opened,
			Why: "the proxy takes datagrams; whether answers come back takes --udp-target HOST:PORT, of an echo or (port 53) a DNS server"})
		return
	}
	r.add(r.ping(pc))
}

// notInTLS finds out whether a proxy that carries no datagrams in TLS carries them
// at all.
func (r *run) notInTLS(ctx context.Context, err error) Step {
	s := failed(StepUDPInTLS, err)
	if !errors.Is(err, client.ErrUDPNotEncrypted) {
		return s
	}
	d := r.Dialer
	plain := &client.Dialer{Network: d.Network, Address: d.Address, TLS: d.TLS, User: d.User, Password: d.Password, Timeout: d.Timeout, UDP: client.UDPPlain}
	pc, plainErr := plain.ListenPacket(ctx, "udp", "")
	if plainErr != nil {
		off := failed(StepUDPInTLS, plainErr)
		off.Next += "; it takes no datagrams in clear text either"
		return off
	}
	pc.Close()
	s.Cause, s.Why = CauseUDPClearOnly, s.Why+": it takes them in clear text only"
	return s
}

// ping sends datagrams until one is answered.
func (r *run) ping(pc net.PacketConn) Step {
	buf := make([]byte, 64<<10)
	for range tries {
		begin := time.Now()
		_, err := pc.WriteTo(question(r.UDPTarget), client.Addr(r.UDPTarget))
		if err == nil {
			_ = pc.SetReadDeadline(begin.Add(r.Timeout / tries)) // fails only when the read does
			var from net.Addr
			if _, from, err = pc.ReadFrom(buf); err == nil {
				return Step{Name: StepUDP, Status: OK, Took: Latency(time.Since(begin)), Found: fmt.Sprintf("an answer from %s", from)}
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return failed(StepUDP, err)
		}
	}
	return r.noAnswer(pc.LocalAddr())
}

// noAnswer reports that none of the datagrams was answered.
func (r *run) noAnswer(relay net.Addr) Step {
	s := Step{Name: StepUDP, Status: Failed, Cause: CauseUDPBlocked}
	s.Err = fmt.Errorf("no answer from %s to %d datagrams within %v", r.UDPTarget, tries, r.Timeout)
	s.Why = s.Err.Error()
	s.Next = "is that a host that answers? If so, a firewall between the proxy and it drops datagrams, or a rule of the proxy does, whose log has a count of them"
	if r.Dialer.TLS == nil || r.Dialer.UDP == client.UDPPlain {
		s.Next += fmt.Sprintf("; or a firewall between this host and %s does, where they travel beside the connection: inside TLS (socks5+tls://, --udp tls) they pass", relay)
	}
	return s
}

// question returns what the target might answer: of a DNS server the name servers of
// the root are asked for (RFC 1035, section 4.1).
func question(target string) []byte {
	if !strings.HasSuffix(target, ":53") {
		return []byte("socksctl check")
	}
	const (
		header    = "\x50\xc5\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" // recursion desired, one question
		rootNS    = "\x00\x00\x02"
		classINet = "\x00\x01"
	)
	return []byte(header + rootNS + classINet)
}
