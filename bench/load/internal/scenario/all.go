package scenario

import (
	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// All returns every scenario in the order in which they are run.
func All() []Scenario {
	var all []Scenario
	for _, group := range [][]Scenario{plain(), tls(), udp(), delayed(), growth(), inside()} {
		all = append(all, group...)
	}
	return all
}

func subjects(s ...subject.Subject) []subject.Subject { return s }

func bulkMetrics() []Metric {
	return []Metric{{"cpu", "CPU-s/GiB", 3}, {"down", "down", 3}, {"up", "up", 3}, {"rate", "GiB/s", 2}}
}

func connectMetrics() []Metric { return []Metric{{"cpu", "CPU-ms", 3}, {"rate", "1/s", 0}} }

func idleMetrics() []Metric {
	return []Metric{{"memory", "KiB", 1}, {"descriptors", "descriptors", 1}, {"total", "MiB in all", 0}}
}

func latencyMetrics() []Metric { return []Metric{{"p50", "us p50", 0}, {"p99", "us p99", 0}} }

func datagramMetrics() []Metric {
	return []Metric{{"cpu", "CPU-us", 2}, {"rate", "1/s", 0}, {"lost", "% lost", 2}}
}

// idleTunnels is how many tunnels are held where a scenario does not say another
// number.
const idleTunnels = 2000

func plain() []Scenario {
	ours, splice := subject.Serve(), subject.Splice()
	peers := subjects(ours, splice, subject.Pooled(), subject.Microsocks(), subject.ThingsGo(), subject.SingBox(), subject.Dante())
	return []Scenario{
		{Name: "plain/bulk", Title: "Plain relay, 8 streams", Metrics: bulkMetrics(), Subjects: peers, Base: splice.Name, visit: bulk},
		{Name: "plain/connect", Title: "Plain CONNECT", Metrics: connectMetrics(), Subjects: peers, Base: splice.Name, visit: connects},
		{Name: "plain/login", Title: "Plain CONNECT with name and password", Metrics: connectMetrics(),
			Subjects: subjects(ours, subject.Microsocks()), Base: subject.Microsocks().Name, Options: subject.Options{Login: true}, visit: connects},
		{Name: "plain/idle", Title: "Idle plain tunnel", Metrics: idleMetrics(), Subjects: peers, Base: splice.Name, Fresh: true, Most: 3, visit: idle(idleTunnels)},
		{Name: "plain/ping", Title: "One byte, there and back", Metrics: latencyMetrics(), Subjects: peers, Base: splice.Name, visit: pings},
		{Name: "plain/arrivals", Title: "New connection, 200 a second", Metrics: latencyMetrics(),
			Subjects: subjects(ours, splice, subject.Microsocks(), subject.ThingsGo()), Base: splice.Name, visit: arrivals},
	}
}

func tls() []Scenario {
	server := subjects(subject.ServeTLS(), subject.TLS(), subject.Stunnel())
	chain := subjects(subject.Forward(), subject.ForwardTLS(), subject.SSH())
	return []Scenario{
		{Name: "tls/bulk", Title: "TLS server, 8 streams", Metrics: bulkMetrics(), Subjects: server, Base: subject.BoundTLS, visit: bulk},
		{Name: "tls/full", Title: "TLS handshake and CONNECT", Metrics: connectMetrics(), Subjects: server, Base: subject.BoundTLS, visit: connects},
		{Name: "tls/mutual", Title: "Mutual TLS handshake and CONNECT", Metrics: connectMetrics(), Subjects: server, Base: subject.BoundTLS,
			Options: subject.Options{Mutual: true}, visit: connects},
		{Name: "tls/resumed", Title: "TLS session resumed and CONNECT", Metrics: connectMetrics(), Subjects: server, Base: subject.BoundTLS,
			Options: subject.Options{Resume: true}, visit: connects},
		{Name: "tls/idle", Title: "Idle TLS tunnel", Metrics: idleMetrics(), Subjects: server, Base: subject.BoundTLS, Fresh: true, Most: 3, visit: idle(idleTunnels)},
		{Name: "tls/8000", Title: "8,000 idle TLS tunnels", Metrics: []Metric{{"total", "MiB in all", 0}, {"memory", "KiB each", 1}}, Most: 1,
			Subjects: subjects(subject.ServeTLS(), subject.TLS()), Base: subject.BoundTLS, Fresh: true, visit: idle(8000)},
		{Name: "tls/burst", Title: "Memory after 5,000 bulk TLS tunnels, over that before", Most: 1,
			Metrics:  []Metric{{"memory", "x", 2}, {"peak", "x at once", 2}, {"before", "MiB before", 0}, {"wait", "s", 0}},
			Subjects: subjects(subject.ServeTLS(), subject.TLS()), Base: subject.BoundTLS, Fresh: true, visit: burst},
		{Name: "tls/ping", Title: "One byte through TLS, there and back", Metrics: latencyMetrics(), Subjects: server, Base: subject.BoundTLS, visit: pings},
		{Name: "chain/bulk", Title: "Forwarder and server, 8 streams", Metrics: bulkMetrics(), Subjects: chain, Base: subject.BoundForward, visit: bulk},
		{Name: "chain/connect", Title: "CONNECT by way of forwarder and server", Metrics: connectMetrics(), Subjects: chain, Base: subject.BoundForward, visit: connects},
		{Name: "chain/idle", Title: "Idle tunnel by way of forwarder and server", Metrics: idleMetrics(), Subjects: chain, Base: subject.BoundForward, Fresh: true, Most: 3, visit: idle(idleTunnels)},
		{Name: "chain/ping", Title: "One byte by way of forwarder and server", Metrics: latencyMetrics(), Subjects: chain, Base: subject.BoundForward, visit: pings},
	}
}

func udp() []Scenario {
	ours, bare := subject.Serve(), subject.UDP()
	peers := subjects(ours, bare, subject.ThingsGo(), subject.SingBox(), subject.Dante())
	one, many := traffic.Busy{Associations: 1, Window: 48, Together: 16}, traffic.Busy{Associations: 64, Window: 4, Together: 1}
	return []Scenario{
		{Name: "udp/one", Title: "UDP, one busy association", Metrics: datagramMetrics(), Subjects: peers, Base: bare.Name, UDP: true, visit: datagrams(one)},
		{Name: "udp/many", Title: "UDP, 64 busy associations", Metrics: datagramMetrics(), Subjects: peers, Base: bare.Name, UDP: true, visit: datagrams(many)},
		{Name: "udp/chain", Title: "UDP inside TLS, forwarder and server", Metrics: datagramMetrics(),
			Subjects: subjects(subject.Forward(), bare), Base: bare.Name, UDP: true, visit: datagrams(one)},
		{Name: "udp/ping", Title: "One datagram by way of forwarder and server", Metrics: latencyMetrics(),
			Subjects: subjects(subject.Forward(), bare), Base: bare.Name, UDP: true, visit: datagramPings},
	}
}
