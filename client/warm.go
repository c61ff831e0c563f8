package client

import (
	"context"
	"errors"
	"time"
)

// The values that a zero field of [Warm] stands for. A browser opens 32 connections
// to a proxy at most.
const (
	DefaultWarm    = 32
	DefaultWarmFor = time.Minute
)

// Warm says how connections to a proxy are kept ready.
type Warm struct {
	Most int           // at a time; 0 is DefaultWarm
	For  time.Duration // each, and less than the proxy waits for a request; 0 is DefaultWarmFor
}

// errWarm tells of a second KeepWarm.
var errWarm = errors.New("connections to the proxy are kept warm already")

// KeepWarm keeps connections to the proxy warm until ctx ends: logged in, and
// waiting for a request, which then costs one round trip. Requests of all three
// kinds take them; how many there are follows from how many were lately taken at
// a time, and without requests there soon are none.
//
// Only a proxy that selects [ALPN] gets such connections, and only a Dialer that
// proves who it is, by password or certificate: a socksctl server waits for those
// alone. One that the proxy ends is let go of at once. When one ends before the
// proxy has answered a request on it, the request is made again, once, on a
// connection of its own.
//
// KeepWarm returns nil when all that it kept is closed. It may be called again
// then, but not before.
func (d *Dialer) KeepWarm(ctx context.Context, w Warm) error {
	p := newPool(ctx, d, w)
	if !d.warm.CompareAndSwap(nil, p) {
		return errWarm
	}
	defer d.warm.Store(nil)
	<-ctx.Done()
	p.end()
	return nil
}

// DropWarm closes the warm connections, and those that are being made to be, as
// after a change of certificates. Connections in use go on.
func (d *Dialer) DropWarm() {
	d.epoch.Add(1)
	d.warm.Load().drop()
}

// Warm returns how many warm connections there are.
func (d *Dialer) Warm() int { return d.warm.Load().size() }
