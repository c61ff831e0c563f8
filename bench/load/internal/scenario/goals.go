package scenario

import (
	"math"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// Goal is what a figure of socksctl has to be.
type Goal struct {
	Number int // of the list of goals
	What   string
	Figure Figure
	Over   []Figure // what it is divided by: the least of them. None: it stands alone
	Of     string   // what those are called
	Most   float64
	Unit   string // where it stands alone
}

// Figure is the median of a metric.
type Figure struct{ Scenario, Subject, Metric string }

// Verdict is what became of a goal.
type Verdict struct {
	Measured bool // all of its figures are there
	Value    float64
	Reached  bool
}

// Judge works a goal out.
func (g Goal) Judge(sets map[string]*result.Set) Verdict {
	value, ok := g.Figure.median(sets)
	if !ok {
		return Verdict{}
	}
	if len(g.Over) > 0 {
		least, ok := leastOf(g.Over, sets)
		if !ok || least == 0 {
			return Verdict{}
		}
		value /= least
	}
	value = math.Round(value*100) / 100 // as it is shown
	return Verdict{Measured: true, Value: value, Reached: value <= g.Most}
}

func (f Figure) median(sets map[string]*result.Set) (float64, bool) {
	return sets[f.Scenario].Median(f.Subject, f.Metric)
}

// leastOf leaves out what was not measured, and is false if nothing was.
func leastOf(figures []Figure, sets map[string]*result.Set) (least float64, ok bool) {
	for _, f := range figures {
		if m, measured := f.median(sets); measured && (!ok || m < least) {
			least, ok = m, true
		}
	}
	return least, ok
}

// ours is a figure of socksctl.
func ours(scenario, metric string) Figure { return Figure{scenario, subject.Serve().Name, metric} }

// figures are those of others.
func figures(scenario, metric string, of ...string) []Figure {
	all := make([]Figure, len(of))
	for i, name := range of {
		all[i] = Figure{scenario, name, metric}
	}
	return all
}

// flat is what something may grow by and still be called flat: more than rounds
// differ by.
const flat = 1.1

// Goals returns all of them in order.
func Goals() []Goal {
	microsocks, thingsGo, singBox, dante := subject.Microsocks().Name, subject.ThingsGo().Name, subject.SingBox().Name, subject.Dante().Name
	against := func(number int, what, scenario, metric string, most float64, name string, over ...string) Goal {
		return Goal{Number: number, What: what, Figure: ours(scenario, metric), Over: figures(scenario, metric, over...), Of: name, Most: most}
	}
	alone := func(number int, what, scenario, metric string, most float64, unit string) Goal {
		return Goal{Number: number, What: what, Figure: ours(scenario, metric), Most: most, Unit: unit}
	}
	return []Goal{
		against(1, "plain relay, CPU a GiB", "plain/bulk", "cpu", 1.25, "bare splice relay", subject.BoundSplice),
		against(1, "plain relay, CPU a GiB", "plain/bulk", "cpu", 1.05, "best peer", microsocks, thingsGo, singBox, dante),
		alone(1, "descriptors of an idle plain tunnel", "plain/idle", "descriptors", 2, "descriptors"),
		alone(1, "memory of an idle plain tunnel", "plain/idle", "memory", 10, "KiB"),
		against(2, "CPU of a CONNECT", "plain/connect", "cpu", 1.16, "bare splice relay", subject.BoundSplice),
		against(2, "CPU of a CONNECT", "plain/connect", "cpu", 1, "things-go", thingsGo),
		{Number: 2, What: "CPU of a CONNECT with login", Figure: ours("plain/login", "cpu"), Over: []Figure{ours("plain/connect", "cpu")}, Of: "without login", Most: 1.15},
		against(3, "TLS relay, CPU a GiB", "tls/bulk", "cpu", 0.9, "bare crypto/tls relay", subject.BoundTLS),
		against(3, "forwarder and server, CPU a GiB", "chain/bulk", "cpu", 0.85, "two bare crypto/tls relays", subject.BoundForward),
		against(4, "CPU of a connection, full handshake", "tls/full", "cpu", 1.17, "bare crypto/tls relay", subject.BoundTLS),
		against(4, "CPU of a connection, mutual TLS", "tls/mutual", "cpu", 1.17, "bare crypto/tls relay", subject.BoundTLS),
		{Number: 4, What: "first byte of an origin, warm, 50 ms each way", Figure: Figure{"delay/first", subject.ForwardWarm().Name, "p50"},
			Over: figures("delay/first", "p50", subject.Opened().Name), Of: "a plain SOCKS connection already open", Most: 1.2},
		{Number: 4, What: "page of 30 resources, warm, 50 ms each way", Figure: Figure{"delay/page", subject.ForwardWarm().Name, "median"},
			Over: figures("delay/page", "median", subject.SSH().Name), Of: "ssh -D", Most: 1},
		alone(5, "memory of an idle TLS tunnel", "tls/idle", "memory", 20, "KiB"),
		alone(5, "memory of an idle tunnel, forwarder and server", "chain/idle", "memory", 40, "KiB"),
		alone(5, "memory of 8,000 idle TLS tunnels", "tls/8000", "total", 200, "MiB"),
		alone(5, "memory after 5,000 bulk tunnels", "tls/burst", "memory", burstGoal, "x that before"),
		against(6, "CPU of a datagram, one association", "udp/one", "cpu", 0.56, "bare UDP relay", subject.BoundUDP),
		against(6, "CPU of a datagram, 64 associations", "udp/many", "cpu", 0.93, "bare UDP relay", subject.BoundUDP),
		against(7, "CPU of a datagram inside TLS, forwarder and server", "udp/chain", "cpu", 3, "bare UDP relay", subject.BoundUDP),
		{Number: 7, What: "datagram there and back, forwarder and server, p50", Figure: ours("udp/ping", "p50"), Over: []Figure{ours("chain/ping", "p50")}, Of: "a byte over TCP", Most: 1.3},
		against(8, "a byte there and back, p50", "plain/ping", "p50", 1, "best Go peer", thingsGo, singBox),
		against(8, "a byte there and back, p99", "plain/ping", "p99", 1, "best Go peer", thingsGo, singBox),
		against(8, "new connection at 200 a second, p99", "plain/arrivals", "p99", 1, "microsocks", microsocks),
		alone(9, "waiting for locks, 32 apps that connect", "locks/connect", "waited", 1, "% of the time of a connection"),
		alone(10, "CPU of a CONNECT, 8,000 tunnels open", "growth/connect", "growth", flat, "x that at 10"),
		alone(10, "CPU of a datagram, 1,000 associations open", "growth/udp", "growth", flat, "x that at 1"),
		alone(10, "decision, 10,000 rules", "rules/decide", "growth", flat, "x that of 10"),
	}
}
