package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// unit is an installation as systemd has it: what deploy/systemd has, for one that
// may be anywhere.
func (i *installation) unit() string {
	reload := append([]string{i.binary, "reload"}, i.adminFlag()...)
	lines := []string{
		"[Unit]", "Description=socksctl " + i.what, "Documentation=https://github.com/socksctl/socksctl",
	}
	if i.system {
		lines = append(lines, "Wants=network-online.target", "After=network-online.target")
	}
	lines = append(lines, "", "[Service]", "Type=notify",
		"ExecStart="+unitWords(append([]string{i.binary, i.what}, i.args...)...),
		"ExecReload="+unitWords(reload...),
		"WorkingDirectory="+unitPath(i.dir),
		"Restart=on-failure", "RestartSec=1", "WatchdogSec=30", "TimeoutStopSec=20", "UMask=0077", "",
		"NoNewPrivileges=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes",
		"RestrictSUIDSGID=yes", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK", "SystemCallArchitectures=native",
		"SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources",
		"SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self", "SystemCallErrorNumber=EPERM")
	target := "default.target"
	if i.system {
		target = "multi-user.target"
		lines = append(lines, i.hostLines()...)
	}
	return strings.Join(append(lines, "", "[Install]", "WantedBy="+target, ""), "\n")
}

// hostLines is what only the systemd of the host can do.
func (i *installation) hostLines() []string {
	lines := []string{
		"", "LimitNOFILE=262144", "RuntimeDirectory=socksctl", "RuntimeDirectoryMode=0700", "RuntimeDirectoryPreserve=yes",
		"StateDirectory=socksctl", "StateDirectoryMode=0700",
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "ProtectSystem=strict", "ProtectHome=read-only", "PrivateTmp=yes", "PrivateDevices=yes",
		"ProtectProc=invisible", "ProtectClock=yes", "ProtectControlGroups=yes", "ProtectHostname=yes", "ProtectKernelLogs=yes",
		"ProtectKernelModules=yes", "ProtectKernelTunables=yes", "KeyringMode=private",
	}
	for _, folder := range i.writes {
		lines = append(lines, "ReadWritePaths=-"+unitWords(folder))
	}
	return lines
}

// adminFlag is the flag for commands that talk to the service, if they need one: a
// unix socket, which lets them make changes.
func (i *installation) adminFlag() []string {
	for _, arg := range i.args {
		if strings.HasPrefix(arg, "--admin=unix:") {
			return []string{arg}
		}
	}
	return nil
}

// unitWords is a command line as systemd.service(5) reads it.
func unitWords(words ...string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "%", "%%", "$", "$$", "{", `\x7b`) // a brace means something to the template
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = `"` + quote.Replace(word) + `"`
	}
	return strings.Join(quoted, " ")
}

// unitPath is a path where systemd takes no quotes.
func unitPath(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// plist is an installation as launchd has it.
func (i *installation) plist() string {
	var b strings.Builder
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
`)
	element := func(key, value string) {
		fmt.Fprintf(&b, "\t<key>%s</key>\n\t%s\n", key, value)
	}
	element("Label", plistString(i.name()))
	var words []string
	for _, word := range append([]string{i.binary, i.what}, i.args...) {
		words = append(words, "\t\t"+plistString(word)+"\n")
	}
	element("ProgramArguments", "<array>\n"+strings.Join(words, "")+"\t</array>")
	element("WorkingDirectory", plistString(i.dir))
	element("RunAtLoad", "<true/>")
	element("KeepAlive", "<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>")
	element("ExitTimeOut", fmt.Sprintf("<integer>%d</integer>", int((i.drain+drainSlack).Seconds())))
	element("ProcessType", plistString("Interactive"))
	b.WriteString("</dict>\n</plist>\n")
	return b.String()
}

func plistString(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // to a Builder, which takes all
	return "<string>" + strings.ReplaceAll(b.String(), "{", "&#123;") + "</string>"
}
