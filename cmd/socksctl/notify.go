package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// drainSlack is how much longer than its drain timeout a service may take to end,
// for systemd.
const drainSlack = 10 * time.Second

// notifyWait is how long systemd may take to take a message: one that hangs keeps
// no service from its reload and its end.
const notifyWait = time.Second

// notify tells systemd how the service does, where that wants to know, by the
// variables of sd_notify(3).
func (v *service) notify(variables ...string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if err := send(socket, strings.Join(variables, "\n")); err != nil {
		v.log.Warn("systemd was not told", "err", err)
	}
}

// send sends one datagram to a unix socket.
func send(socket, message string) error {
	c, err := net.Dial("unixgram", socket) //nolint:gosec // whoever starts the service says where
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyWait)); err != nil {
		return err
	}
	_, err = c.Write([]byte(message))
	return err
}

// notifyReady tells that the service serves.
func (v *service) notifyReady() {
	var addresses []string
	for _, l := range slices.Concat(v.plain, v.secure) {
		addresses = append(addresses, shown(l.Addr()))
	}
	v.notify(daemon.SdNotifyReady, "STATUS=serving "+strings.Join(addresses, ", "))
}

// notifyReloading tells that a reload begins, and returns what tells of its end. A
// service that ends has nothing to tell but that.
func (v *service) notifyReloading() (end func()) {
	if v.draining.Load() {
		return func() {}
	}
	v.notify(daemon.SdNotifyReloading, strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n"))
	return v.notifyReady
}

// notifyStopping tells that the service ends, and how long it may take to.
func (v *service) notifyStopping() {
	v.notify(daemon.SdNotifyStopping, "STATUS=draining",
		fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (v.drain+drainSlack).Microseconds()))
}

// watchdog tells that the service lives, until ctx ends: that its table of sessions
// can be had, which every connection takes.
func (v *service) watchdog(ctx context.Context) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		v.log.Warn("watchdog", "err", err)
	}
	if interval <= 0 {
		return nil
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for range v.Sessions() {
			break
		}
		v.notify(daemon.SdNotifyWatchdog)
	}
}
