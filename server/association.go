package server

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
)

// batch is how many datagrams an association takes at once.
const batch = 32

// turn is how many datagrams a direction moves before it lets others have the
// processor, if they wait for it: the calls that move them never wait, and so Go's
// scheduler is not told of them.
const turn = 1024

// association moves the datagrams of one UDP session, one goroutine each way.
type association struct {
	*conn
	ctx      context.Context
	cancel   context.CancelCauseFunc // ends both ways
	app, out carrier.Conn
	idle     relay.Idle
}

// requests takes datagrams from the client to where they are addressed.
func (a *association) requests() {
	var ds [batch]carrier.Datagram
	far := remoteView{remotes: a.remotes.Load()}
	for moved := 0; ; {
		n, err := a.app.ReadBatch(ds[:])
		if errors.Is(err, io.EOF) { // on a Stream; an end on the other side is no such thing
			err = errEnded
		}
		if err != nil {
			a.cancel(err)
			return
		}
		allowed := a.judgeAll(StageDatagram, ds[:n])
		a.DatagramsUp.Add(int64(len(allowed)))
		a.BytesUp.Add(payload(allowed))
		now := time.Now()
		far.countUp(allowed, now)
		if err := a.out.WriteBatch(allowed); err != nil {
			a.cancel(err)
			return
		}
		a.idle.TouchAt(now)
		moved = giveWay(moved + n)
	}
}

// answers takes datagrams back to the client.
func (a *association) answers() {
	var ds [batch]carrier.Datagram
	far := remoteView{remotes: a.remotes.Load()}
	for moved := 0; ; {
		n, err := a.out.ReadBatch(ds[:])
		if err != nil {
			a.cancel(err)
			return
		}
		allowed := a.judgeAll(StageAnswer, ds[:n])
		a.DatagramsDown.Add(int64(len(allowed)))
		a.BytesDown.Add(payload(allowed))
		now := time.Now()
		far.countDown(allowed, now)
		if err := a.app.WriteBatch(allowed); err != nil {
			a.cancel(err)
			return
		}
		a.idle.TouchAt(now)
		moved = giveWay(moved + n)
	}
}

// giveWay lets others have the processor once that many datagrams are a turn, and
// returns how many there are of the next.
func giveWay(moved int) int {
	if moved < turn {
		return moved
	}
	runtime.Gosched()
	return 0
}

// judgeAll moves the datagrams that are allowed to the front of ds and returns
// them.
func (a *association) judgeAll(stage Stage, ds []carrier.Datagram) []carrier.Datagram {
	kept := ds[:0]
	for _, d := range ds {
		switch {
		case !d.Addr.Valid():
			a.drop(carrier.DropUnresolved)
		case a.judge(a.ctx, Target{Stage: stage, Host: d.Addr.Name, Addr: netip.AddrPortFrom(d.Addr.IP, d.Addr.Port)}) != nil:
			a.drop(carrier.DropDenied)
		case !a.paced(stage, len(d.Data)):
			a.drop(carrier.DropRate)
		default:
			kept = append(kept, d)
		}
	}
	return kept
}

// payload returns how many bytes ds carry.
func payload(ds []carrier.Datagram) (n int64) {
	for _, d := range ds {
		n += int64(len(d.Data))
	}
	return n
}
