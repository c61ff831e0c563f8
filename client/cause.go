package client

import "github.com/socksctl/socksctl/certs"

// Cause is what kind of thing went wrong, in a word that logs can be searched for.
type Cause string

// The causes on the way to a proxy.
const (
	CauseNoSuchHost Cause = "no_such_host" // the name of the proxy
	CauseLookup     Cause = "lookup"       // of that name, which got no answer
	CausePortClosed Cause = "port_closed"  // nobody listens there
	CausePortSilent Cause = "port_blocked" // nobody answers there
	CauseNoRoute    Cause = "no_route"
	CauseDial       Cause = "dial" // another failure to connect

	CauseNotTLS     Cause = "not_tls"      // what answers speaks something else
	CauseTLSSilent  Cause = "tls_silent"   // no answer in the handshake
	CauseTLSCut     Cause = "tls_cut"      // the connection ended in it
	CauseTLSVersion Cause = "tls_version"  // none in common
	CauseTLS        Cause = "tls"          // another failure of the handshake
	CauseNoClient   Cause = "client_none"  // it takes a client certificate
	CauseBadClient  Cause = "client_wrong" // the one shown is refused

	CauseExpired     Cause = "certificate_expired" // these are about the server's
	CauseNotYetValid Cause = "certificate_not_yet_valid"
	CauseWrongName   Cause = "certificate_wrong_name"
	CauseUnknownCA   Cause = "certificate_unknown_ca"
	CauseInspection  Cause = "certificate_foreign_ca" // the right name, by another CA: TLS may be opened on the way
	CausePin         Cause = "certificate_pin"
	CauseUsage       Cause = "certificate_usage"

	CauseLogin    Cause = "login"        // the name or the password is wrong
	CauseMethod   Cause = "login_method" // none in common
	CauseNotSOCKS Cause = "not_socks"    // what answers speaks something else
	CauseHungUp   Cause = "hung_up"      // without a word
	CauseSilent   Cause = "silent"       // no answer in time
)

// The causes of what was asked of a proxy.
const (
	CauseDenied            Cause = "denied"             // by a rule (REP 02)
	CauseCommandOff        Cause = "command_off"        // REP 07
	CauseTargetRefused     Cause = "target_refused"     // REP 05
	CauseTargetUnreachable Cause = "target_unreachable" // REP 03, 04 and 08
	CauseTargetSilent      Cause = "target_silent"      // REP 06
	CauseNobodyCame        Cause = "nobody_came"        // to a BIND (REP 06)
	CauseProxyFailed       Cause = "proxy_failed"       // REP 01
	CauseUDPNotEncrypted   Cause = "udp_not_encrypted"
	CauseUDPOff            Cause = "udp_off" // by choice of this end
)

// causeOf returns the cause that a reason of package certs is, for a client.
func causeOf(reason string) Cause {
	switch reason {
	case certs.ReasonExpired:
		return CauseExpired
	case certs.ReasonNotYetValid:
		return CauseNotYetValid
	case certs.ReasonWrongName:
		return CauseWrongName
	case certs.ReasonUnknownCA:
		return CauseUnknownCA
	case certs.ReasonForeignCA:
		return CauseInspection
	case certs.ReasonPinMismatch:
		return CausePin
	case certs.ReasonKeyUsage:
		return CauseUsage
	case certs.ReasonVersion:
		return CauseTLSVersion
	case certs.ReasonNotTLS:
		return CauseNotTLS
	case certs.ReasonTimeout:
		return CauseTLSSilent
	}
	return CauseTLS
}
