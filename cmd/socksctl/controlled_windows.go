package main

import (
	"os"

	"golang.org/x/sys/windows/svc"
)

// controlled answers the service control manager while a service runs.
type controlled struct {
	service *service
	stops   chan<- os.Signal
	run     func() error
	err     error
}

// underManager calls run, which ends some time after there is something in stops. As
// a service of Windows it tells of that, and is told.
func (v *service) underManager(stops chan<- os.Signal, run func() error) error {
	if is, err := svc.IsWindowsService(); err != nil || !is {
		return run()
	}
	c := &controlled{service: v, stops: stops, run: run}
	if err := svc.Run("", c); err != nil {
		return err
	}
	return c.err
}

// Execute implements svc.Handler.
func (c *controlled) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (own bool, code uint32) {
	ended := make(chan error, 1)
	go func() { ended <- c.run() }() // ends after a stop, or by itself
	changes <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case c.err = <-ended:
			return c.err != nil, uint32(status(c.err))
		case request := <-requests:
			c.obey(request, changes)
		}
	}
}

// obey does what the manager wants.
func (c *controlled) obey(request svc.ChangeRequest, changes chan<- svc.Status) {
	switch request.Cmd {
	case svc.Interrogate:
		changes <- request.CurrentStatus
	case svc.Stop, svc.Shutdown:
		hint := (c.service.drain + drainSlack).Milliseconds()
		changes <- svc.Status{State: svc.StopPending, WaitHint: uint32(min(hint, 1<<31))}
		c.stops <- os.Interrupt // has room for two, and the manager asks once
	}
}
