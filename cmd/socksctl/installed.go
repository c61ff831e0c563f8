package main

import (
	"errors"
	"fmt"
	"time"

	kardianos "github.com/kardianos/service"
	"github.com/spf13/cobra"
)

// errNotInstalled is the error of a service that this system does not know.
var errNotInstalled = errors.New("it is not installed: socksctl service install")

// installation is serve or forward as a service of this system.
type installation struct {
	what   string   // "serve" or "forward"
	system bool     // of the host; else of this user, from login on
	args   []string // after what
	binary string
	dir    string // that relative paths in its configuration are below
	drain  time.Duration
	writes []string // folders that it writes in, beside its own
}

// name is what the system calls it.
func (i *installation) name() string { return "socksctl-" + i.what }

// manager is what a system does with an installation.
type manager interface {
	Install() error
	Uninstall() error
	Start() error
	Stop() error
	Status() (kardianos.Status, error)
}

func serviceCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Have the system run serve or forward from now on",
		Long: `Have the system run serve or forward from now on: systemd, launchd, or Windows. It is
a service of this user, which begins at login, or with --system one of the host.`,
		Example: "  socksctl service install -- forward --config ~/forward.toml\n  socksctl service start -- forward",
	}
	cmd.AddCommand(
		installCommand(s),
		controlCommand(s, "uninstall", "Stop the service, and forget it", func(m manager) error {
			_ = m.Stop() // it may have ended before
			return m.Uninstall()
		}),
		controlCommand(s, "start", "Start the service", manager.Start),
		controlCommand(s, "stop", "Stop the service: it drains, and starts again at the next login or boot", manager.Stop),
		serviceStatusCommand(s),
	)
	return cmd
}

func registerSystem(cmd *cobra.Command, i *installation) {
	cmd.Flags().BoolVar(&i.system, "system", false, "a service of the host, and not of this user")
}

func installCommand(s streams) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use:   "install -- serve|forward [FLAG...]",
		Short: "Make a service of serve or forward, with its flags",
		Long: `Make a service of serve or forward, with its flags, as they would start: what is wrong
with them, or with the files that they name, is an error now. It is started at the
next login or boot, and by "socksctl service start".`,
		Example: "  socksctl service install -- forward --server socks5+tls://proxy.example.com --ca ca.crt",
		Args:    someArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := i.rehearse(s, args); err != nil {
				return err
			}
			m, err := newManager(&i)
			if err != nil {
				return err
			}
			if _, err := m.Status(); err == nil {
				return fmt.Errorf("%s is installed already: uninstall it first", i.name())
			}
			if err := m.Install(); err != nil {
				return fmt.Errorf("install %s: %w", i.name(), err)
			}
			s.talk("%s is installed: start it with \"socksctl service start%s -- %s\"", i.name(), i.flag(), i.what)
			return nil
		},
	}
	registerSystem(cmd, &i)
	return cmd
}

// flag is what i takes on the command line.
func (i *installation) flag() string {
	if i.system {
		return " --system"
	}
	return ""
}

// someArgs refuses what names no service.
func someArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] != "serve" && args[0] != "forward" {
		return misuse("%s is used as: %s (see --help)", cmd.CommandPath(), cmd.UseLine())
	}
	return nil
}

// controlCommand returns a command that does something to an installed service.
func controlCommand(s streams, use, short string, do func(manager) error) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use: use + " -- serve|forward", Short: short, Args: oneService,
		Example: "  socksctl service " + use + " -- forward",
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := known(&i, args[0])
			if err != nil {
				return err
			}
			if err := do(m); err != nil {
				return fmt.Errorf("%s %s: %w", use, i.name(), err)
			}
			return nil
		},
	}
	registerSystem(cmd, &i)
	return cmd
}

// oneService takes the name of a service, and nothing else.
func oneService(cmd *cobra.Command, args []string) error {
	return errors.Join(someArgs(cmd, args), exactArgs(1)(cmd, args))
}

// known returns the manager of a service that is installed.
func known(i *installation, what string) (manager, error) {
	i.what = what
	m, err := newManager(i)
	if err != nil {
		return nil, err
	}
	if _, err := m.Status(); errors.Is(err, kardianos.ErrNotInstalled) {
		return nil, fmt.Errorf("%s: %w", i.name(), errNotInstalled)
	}
	return m, nil
}

func serviceStatusCommand(s streams) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use: "status -- serve|forward", Args: oneService,
		Short:   "Tell whether the service runs; the exit status is 0 when it does",
		Example: "  socksctl service status -- forward",
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := known(&i, args[0])
			if err != nil {
				return err
			}
			status, err := m.Status()
			if err != nil {
				return fmt.Errorf("%s: %w", i.name(), err)
			}
			return tellRunning(s, status == kardianos.StatusRunning)
		},
	}
	registerSystem(cmd, &i)
	return cmd
}

// tellRunning prints whether a service runs; the error has the exit status.
func tellRunning(s streams, running bool) error {
	if !running {
		fmt.Fprintln(s.out, "stopped")
		return &exitError{status: exitFailed}
	}
	_, err := fmt.Fprintln(s.out, "running")
	return err
}
