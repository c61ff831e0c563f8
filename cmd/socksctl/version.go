package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release; elsewhere the build information
// says what there is to say.
var version string

// versionInfo is what the version command tells.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  socksctl version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			info := readVersion()
			if asJSON {
				return json.NewEncoder(s.out).Encode(info)
			}
			_, err := fmt.Fprintln(s.out, info.text())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (v versionInfo) text() string {
	return fmt.Sprintf("socksctl %s %s %s", v.Version, v.Go, v.Platform)
}

func readVersion() versionInfo {
	info := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if info.Version == "" {
		info.Version = build.Main.Version
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Commit = setting.Value
		}
	}
	return info
}

// built returns when the source of this program was last changed, and the zero
// Time where that is not known: it was built after that.
func built() time.Time {
	build, _ := debug.ReadBuildInfo()
	if build == nil {
		return time.Time{}
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.time" {
			at, _ := time.Parse(time.RFC3339, setting.Value) // not known, if it is malformed
			return at
		}
	}
	return time.Time{}
}
