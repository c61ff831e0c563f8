package main

import "github.com/spf13/cobra"

// commands returns what the root offers.
func commands(s streams) []*cobra.Command {
	return []*cobra.Command{
		quickstartCommand(s),
		serveCommand(s),
		forwardCommand(s),
		connectCommand(s),
		udpSendCommand(s),
		bindListenCommand(s),
		checkProxyCommand(s),
		envCommand(s),
		runCommand(s),
		certCommand(s),
		userCommand(s),
		aclCommand(s),
		sessionsCommand(s),
		statusCommand(s),
		serviceCommand(s),
		topCommand(s),
		reloadCommand(s),
		configCommand(s),
		manCommand(s),
		versionCommand(s),
	}
}
