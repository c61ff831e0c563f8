package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	kardianos "github.com/kardianos/service"
)

// program is what kardianos/service would run in this process: nothing, since serve
// and forward answer the system themselves.
type program struct{}

func (program) Start(kardianos.Service) error { return nil }
func (program) Stop(kardianos.Service) error  { return nil }

// newManager returns what manages i on this system. The services of users are
// logon tasks on Windows, which has no others.
func newManager(i *installation) (manager, error) {
	if runtime.GOOS == "windows" && !i.system {
		return newLogonTask(i), nil
	}
	if !slices.Contains([]string{"linux-systemd", "darwin-launchd", "windows-service"}, kardianos.Platform()) {
		return nil, fmt.Errorf("there is neither systemd nor launchd here (%s): %w", kardianos.Platform(), errors.ErrUnsupported)
	}
	return kardianos.New(program{}, &kardianos.Config{
		Name: i.name(), DisplayName: i.name(), Description: "socksctl " + i.what,
		Executable: i.binary, Arguments: append([]string{i.what}, i.args...), WorkingDirectory: i.dir,
		Option: kardianos.KeyValue{
			"UserService": !i.system, "SystemdScript": i.unit(), "LaunchdConfig": i.plist(),
			"OnFailure": "restart",
		},
	})
}
