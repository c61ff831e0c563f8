package files

import (
	"os"
	"path/filepath"
	"slices"
)

// UnitDirs returns the directories that systemd made for this process and named in
// a variable, such as STATE_DIRECTORY (systemd.exec(5)): none, where it made none.
func UnitDirs(variable string) []string {
	return slices.DeleteFunc(filepath.SplitList(os.Getenv(variable)), func(dir string) bool {
		return !filepath.IsAbs(dir)
	})
}
