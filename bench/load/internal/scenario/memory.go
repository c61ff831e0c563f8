package scenario

import (
	"context"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// calm is how long programs and tunnels are left alone before memory is looked at.
const calm = 3 * time.Second

// A burst: each tunnel carries so many blocks, and memory has so long to come back.
const (
	burstTunnels = 5000
	burstBlocks  = 2
	burstWait    = 40 * time.Second
	burstGoal    = 1.3 // times the memory before
)

// idle opens n tunnels and tells what each takes while nothing moves. A program that
// has just begun to accept may not be done with its start, which is no tunnel's.
func idle(n int) func(context.Context, *visit) error {
	return func(ctx context.Context, v *visit) error {
		if err := traffic.Pause(ctx, calm); err != nil {
			return err
		}
		before, err := v.Usage()
		if err != nil {
			return err
		}
		conns, err := traffic.OpenUsed(ctx, v.Way, n)
		defer traffic.CloseAll(conns)
		if err != nil {
			return err
		}
		if err := traffic.Pause(ctx, calm); err != nil {
			return err
		}
		after, err := v.Usage()
		if err != nil {
			return err
		}
		v.set("memory", float64(after.PSS-before.PSS)/1024/float64(n))
		v.set("descriptors", float64(after.Descriptors-before.Descriptors)/float64(n))
		v.set("total", float64(after.PSS)/(1<<20))
		return nil
	}
}

// burst opens tunnels, has all of them carry bytes at once, and tells what memory
// comes back to, over that of the tunnels before.
func burst(ctx context.Context, v *visit) error {
	conns, err := traffic.OpenBlocks(ctx, v.Way, burstTunnels)
	defer traffic.CloseAll(conns)
	if err != nil {
		return err
	}
	if err := traffic.Pause(ctx, calm); err != nil {
		return err
	}
	before, err := v.Usage()
	if err != nil {
		return err
	}
	if err := traffic.Burst(conns, burstBlocks); err != nil {
		return err
	}
	return v.comeBack(ctx, float64(before.PSS))
}

// comeBack looks at memory until it is what it was, or for burstWait.
func (v *visit) comeBack(ctx context.Context, before float64) error {
	from := time.Now()
	for {
		u, err := v.Usage()
		if err != nil {
			return err
		}
		now, took := float64(u.PSS), time.Since(from)
		if took < time.Second {
			v.set("peak", now/before)
		}
		if now <= burstGoal*before || took > burstWait {
			v.set("memory", now/before)
			v.set("before", before/(1<<20))
			v.set("wait", took.Seconds())
			return nil
		}
		if err := traffic.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
}
