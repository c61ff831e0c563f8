// Package memory fits Go's memory to a proxy: a small heap that is used up
// quickly while connections come, and many that then wait for hours. It changes
// settings of the process, so it is for a program and not for a package.
package memory

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	every = time.Second

	// allowance is how much garbage there may be at least before it is collected.
	// Without it a heap of 5 MiB is collected after every 70 handshakes, which
	// takes a fifth of the CPU time of one.
	allowance = 16 << 20

	// leastPercent and mostPercent bound GOGC: Go's own is the least.
	leastPercent, mostPercent = 100, 1000

	// calm is how much may be allocated from one look to the next while nothing
	// much goes on, and calmShare the part of the heap that may be: a look at all
	// sessions allocates for each.
	calm, calmShare = 1 << 20, 16

	// worth is how much has to be allocated before memory is given back again,
	// and worthShare the part of the heap.
	worth, worthShare = 16 << 20, 2

	// rest is the least time between two times that memory is given back: it
	// costs a look at all of the heap.
	rest = 10 * time.Second
)

// Keep sees to the memory of this process until ctx ends, and returns nil then.
// While there is work, garbage is collected as the heap grows, and never before
// there are 16 MiB of it. Once work is over, what it took is given back to the
// system: Go would do that after minutes. GOGC in the environment is obeyed in
// place of the first, and GOMEMLIMIT whatever else holds.
func Keep(ctx context.Context) error {
	k := keeper{look: look, giveBack: giveBack, ago: rest}
	if os.Getenv("GOGC") == "" {
		k.setPercent = func(percent int) { debug.SetGCPercent(percent) }
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		k.tick()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// usage is what the runtime tells.
type usage struct {
	live      uint64 // bytes of the heap that the last collection left
	allocated uint64 // bytes since the process began
}

// keeper looks at memory again and again.
type keeper struct {
	look       func() usage
	setPercent func(int) // nil: it is not ours to set
	giveBack   func()

	percent int    // as set
	last    usage  // of the look before
	given   uint64 // usage.allocated when memory was given back
	ago     time.Duration
}

func (k *keeper) tick() {
	now := k.look()
	k.ago += every
	k.fit(now.live)
	if k.isOver(now) && k.ago >= rest {
		k.giveBack()
		now = k.look()
		k.given, k.ago = now.allocated, 0
	}
	k.last = now
}

// isOver reports whether there was work since memory was given back, and is none
// now.
func (k *keeper) isOver(now usage) bool {
	return now.allocated-k.last.allocated < max(calm, now.live/calmShare) &&
		now.allocated-k.given >= max(worth, now.live/worthShare)
}

// fit sets GOGC for a heap of which so much is live, if that makes a difference.
// Setting it stops the world.
func (k *keeper) fit(live uint64) {
	percent := int(min(max(allowance*100/max(live, 1), leastPercent), mostPercent))
	if k.setPercent == nil || percent > k.percent*4/5 && percent < k.percent*5/4 {
		return
	}
	k.setPercent(percent)
	k.percent = percent
}

// look reads what costs nothing to know.
func look() usage {
	samples := [2]metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples[:])
	return usage{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}

// giveBack gives back what nothing uses. It collects twice: what a sync.Pool has
// at rest goes with the second, and each makes stacks half as large that are not
// needed as they are.
func giveBack() {
	runtime.GC()
	debug.FreeOSMemory()
}
