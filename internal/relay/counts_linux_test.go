package relay_test

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
)

// descriptors counts the sockets and the pipes that this process has open.
func descriptors(t *testing.T) (sockets, pipes int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		switch {
		case strings.HasPrefix(target, "socket:"):
			sockets++
		case strings.HasPrefix(target, "pipe:"):
			pipes++
		}
	}
	return sockets, pipes
}

// exchange moves n bytes each way through j.
func exchange(t *testing.T, j *joined, n int) {
	t.Helper()
	for _, c := range [][2]io.ReadWriter{{j.app, j.origin}, {j.origin, j.app}} {
		sent := make(chan error, 1)
		go func() { _, err := c[0].Write(make([]byte, n)); sent <- err }()
		if _, err := io.ReadFull(c[1], make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLSAndPlainIdleTunnelHoldsTwoDescriptors(t *testing.T) {
	const tunnels = 50
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		if strings.HasSuffix(t.Name(), "Opaque") {
			return // has no descriptor to wait on, so it waits with a buffer in hand
		}
		sockets, pipes := descriptors(t)
		made, _ := relay.Pipes()
		for i := range tunnels {
			var up relay.Shaper
			if i%2 == 1 {
				up = newTurns(20_000)
			}
			exchange(t, joinShaped(t, client, target, up, nil), 300<<10)
		}
		waitFor(t, "all pipes at rest and all buffers given back", func() bool {
			made, spare := relay.Pipes()
			return made == spare && relay.Lent() == 0
		})
		moreSockets, morePipes := descriptors(t)
		// The far ends are this process's as well: two more a tunnel.
		if got := moreSockets - sockets - 2*tunnels; got != 2*tunnels {
			t.Errorf("%d idle tunnels hold %d sockets, want %d", tunnels, got, 2*tunnels)
		}
		now, _ := relay.Pipes()
		if got, want := morePipes-pipes, 2*(now-made); got != want {
			t.Errorf("%d ends of pipes are open, want the %d of pipes at rest", got, want)
		}
		if now >= tunnels {
			t.Errorf("%d pipes rest, which is one a tunnel", now)
		}
		if !relay.PipesEmpty() {
			t.Error("a pipe at rest has bytes in it")
		}
	})
}

// readAndWritten returns how many bytes this process has moved by read, write
// and the like, which splice is not among.
func readAndWritten(t *testing.T) (n int64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if name == "rchar" || name == "wchar" {
			v, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n += v
		}
	}
	return n
}

// The relay's own part of the bytes read and written is what is left after that
// of the far ends, which this process reads and writes too.
func copiedByRelay(t *testing.T, client, target pairFunc, s relay.Shaper, size int) int64 {
	t.Helper()
	j := joinShaped(t, client, target, s, s)
	exchange(t, j, 1<<10)
	before := readAndWritten(t)
	exchange(t, j, size)
	return readAndWritten(t) - before - 4*int64(size)
}

func TestPlainSocketsAreSpliced(t *testing.T) {
	const size = 16 << 20
	for _, pair := range []pairFunc{tcpPair, unixPair, wrapped(tcpPair)} {
		for name, s := range map[string]relay.Shaper{"no shaper": nil, "no limit": newTurns(0), "a limit": newTurns(100_000)} {
			if got := copiedByRelay(t, pair, tcpPair, s, size); got > size/100 {
				t.Errorf("%s: the relay read and wrote %d bytes itself to move %d each way, want none", name, got, size)
			}
		}
	}
	// The measure notices a copy: without a pipe to be had, every byte is read
	// and written once more.
	defer relay.TakePipes(relay.PipeLimit())()
	if got := copiedByRelay(t, tcpPair, tcpPair, nil, size); got < 4*size {
		t.Errorf("the relay read and wrote %d bytes without pipes, want at least %d", got, 4*size)
	}
}

func TestSpliceGoesOnWithoutPipesAndBack(t *testing.T) {
	j := join(t, tcpPair, tcpPair)
	for i := range 3 {
		giveBack := func() {}
		if i == 1 {
			giveBack = relay.TakePipes(relay.PipeLimit())
		}
		want := bytes.Repeat([]byte{byte(i + 1)}, 1<<20)
		go j.app.Write(want)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(j.origin, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("round %d: %v or other bytes", i, err)
		}
		giveBack()
	}
	if made, spare := relay.Pipes(); made-spare > 2 || spare > 32 {
		t.Errorf("%d pipes, %d at rest, want no more than 32 at rest", made, spare)
	}
}

// A pipe with bytes in it never goes back to rest, whatever ends its tunnel.
func TestAbortedTunnelLeavesNoBytesInPipes(t *testing.T) {
	for range 20 {
		j := join(t, tcpPair, tcpPair)
		done := make(chan struct{})
		go func() { defer close(done); j.app.Write(make([]byte, 32<<20)) }()
		io.CopyN(io.Discard, j.origin, 1<<20)
		j.cancel(os.ErrDeadlineExceeded)
		j.wait(t)
		<-done
		if !relay.PipesEmpty() {
			t.Fatal("a pipe at rest has bytes in it")
		}
	}
	made, spare := relay.Pipes()
	if made != spare {
		t.Errorf("%d pipes are lent after all tunnels have ended", made-spare)
	}
}

func TestPlainChunksAllocateNothing(t *testing.T) {
	for name, c := range map[string]struct {
		client, target pairFunc
		up             relay.Shaper
	}{
		"splice":        {tcpPair, tcpPair, nil},
		"copy":          {tcpPair, hidden(tcpPair), nil},
		"opaque":        {hidden(tcpPair), tcpPair, nil},
		"shaped splice": {tcpPair, tcpPair, newTurns(5000)},
		"shaped copy":   {tcpPair, hidden(tcpPair), newTurns(5000)},
		"shaped opaque": {hidden(tcpPair), tcpPair, newTurns(5000)},
	} {
		j := joinShaped(t, c.client, c.target, c.up, nil)
		out, in := make([]byte, 8<<10), make([]byte, 8<<10)
		allocs := testing.AllocsPerRun(500, func() {
			j.app.Write(out)
			io.ReadFull(j.origin, in)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a chunk, want 0", name, allocs)
		}
	}
}

// A direction that waits for its turn has left the bytes with the system, where
// it reads from a socket.
func TestPlainWaitHoldsNothing(t *testing.T) {
	for name, target := range map[string]pairFunc{"splice": tcpPair, "TLS": reversed(tlsPair(0))} {
		var all []*joined
		up := closedTurns(5000)
		for range 20 {
			j := joinShaped(t, tcpPair, target, up, nil)
			j.app.Write(make([]byte, 100_000))
			all = append(all, j)
		}
		waitFor(t, "all to wait", func() bool { return up.waiting.Load() == 20 })
		waitFor(t, "nothing to be held, by the other direction either once it has looked", func() bool {
			made, spare := relay.Pipes()
			return relay.Lent() == 0 && made == spare
		})
		close(up.gate)
		for _, j := range all {
			if _, err := io.ReadFull(j.origin, make([]byte, 100_000)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
