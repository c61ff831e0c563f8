package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// Spans of time that most measurements take.
const (
	ramp    = 200 * time.Millisecond
	settled = 2 * time.Second // until what opening many put off is done, such as their records
	window  = 800 * time.Millisecond
	workers = 8
	streams = 8
)

// bulk moves bytes down, then up, and tells the CPU time of a GiB of both and of
// each.
func bulk(ctx context.Context, v *visit) error {
	span := traffic.Span{Ramp: ramp, Window: window}
	down, err := traffic.Download(ctx, v.Way, streams, span, v.Meter)
	if err != nil {
		return err
	}
	up, err := traffic.Upload(ctx, v.origin, v.Way, streams, span, v.Meter)
	if err != nil {
		return err
	}
	if down.Done == 0 || up.Done == 0 {
		return fmt.Errorf("moved %d bytes down and %d up", down.Done, up.Done)
	}
	v.set("down", perGiB(down))
	v.set("up", perGiB(up))
	v.set("cpu", (perGiB(down)+perGiB(up))/2)
	v.set("rate", float64(down.Done+up.Done)/(1<<30)/(down.Took+up.Took).Seconds())
	return nil
}

func perGiB(w traffic.Work) float64 { return w.CPU.Seconds() / (float64(w.Done) / (1 << 30)) }

// connects tells the CPU time of a connection, one byte echoed through it.
func connects(ctx context.Context, v *visit) error {
	work, err := traffic.Connects(ctx, v.Way, workers, traffic.Span{Ramp: ramp, Window: window}, v.Meter)
	if err != nil {
		return err
	}
	if connections, resumed := v.Way.Resumed(); v.resume && resumed < connections-2*workers {
		return fmt.Errorf("of %d connections %d resumed a session", connections, resumed)
	}
	return v.connections(work)
}

func (v *visit) connections(work traffic.Work) error {
	if work.Done == 0 {
		return fmt.Errorf("no connection came about in %v", work.Took)
	}
	v.set("cpu", milliseconds(work.CPU)/float64(work.Done))
	v.set("rate", float64(work.Done)/work.Took.Seconds())
	return nil
}

// pings tells how long a byte takes through a tunnel and back.
func pings(ctx context.Context, v *visit) error {
	times, err := traffic.Pings(ctx, v.Way, traffic.Span{Ramp: ramp, Window: window})
	if err != nil {
		return err
	}
	v.percentiles(times)
	return nil
}

// arrivals tells how long a new connection takes at 200 a second.
func arrivals(ctx context.Context, v *visit) error {
	times, err := traffic.Arrivals(ctx, v.Way, 200, 2*time.Second)
	if err != nil {
		return err
	}
	v.percentiles(times)
	return nil
}

// datagramPings tells how long a datagram takes through a proxy and back.
func datagramPings(ctx context.Context, v *visit) error {
	times, err := traffic.DatagramPings(ctx, v.Way, traffic.Span{Ramp: ramp, Window: window})
	if err != nil {
		return err
	}
	v.percentiles(times)
	return nil
}

func (v *visit) percentiles(times []time.Duration) {
	v.set("p50", microseconds(traffic.Percentile(times, 50)))
	v.set("p99", microseconds(traffic.Percentile(times, 99)))
}

// datagrams tells the CPU time of a datagram, with so many of them under way.
func datagrams(b traffic.Busy) func(context.Context, *visit) error {
	return func(ctx context.Context, v *visit) error {
		span := traffic.Span{Ramp: ramp, Window: window}
		if b.Idle > 0 {
			span.Ramp = settled
		}
		work, lost, err := traffic.Datagrams(ctx, v.Way, b, span, v.Meter)
		if err != nil {
			return err
		}
		if work.Done == 0 {
			return fmt.Errorf("no datagram came back, %d were lost", lost)
		}
		v.set("cpu", microseconds(work.CPU)/float64(work.Done))
		v.set("rate", float64(work.Done)/work.Took.Seconds())
		v.set("lost", 100*float64(lost)/(float64(work.Done)/2+float64(lost)))
		return nil
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
