package inherit

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// namePrefix is what FileDescriptorName= of a socket unit begins with; the kind
// follows.
const namePrefix = "socksctl-"

// FromSystemd returns the listeners that systemd passed to this process, by
// LISTEN_FDS, and nil when it passed none. Each bears the name of one of kinds:
// FileDescriptorName=socksctl-KIND. It is called once: the variables are gone
// then, and no child is told of them.
func FromSystemd(kinds ...string) (*Set, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	s := new(Set)
	var err error
	for _, f := range files {
		var l Listener
		if err == nil {
			l, err = passed(f, kinds)
		}
		if err == nil {
			s.add(l)
		}
		f.Close() // the listener has a descriptor of its own
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("a socket that systemd passed: %w", err)
	}
	return s, nil
}

// passed makes a listener of one descriptor.
func passed(f *os.File, kinds []string) (Listener, error) {
	kind, ours := strings.CutPrefix(f.Name(), namePrefix)
	if !ours || !slices.Contains(kinds, kind) {
		return Listener{}, fmt.Errorf("FileDescriptorName=%s: want one of %s", f.Name(), names(kinds))
	}
	l, err := net.FileListener(f)
	if err != nil {
		return Listener{}, fmt.Errorf("%s: not a stream socket that listens: %w", f.Name(), err)
	}
	if err := listens(l); err != nil {
		l.Close()
		return Listener{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return Listener{Listener: l, Kind: kind, Passed: true}, nil
}

func names(kinds []string) string {
	var all []string
	for _, kind := range kinds {
		all = append(all, namePrefix+kind)
	}
	return strings.Join(all, ", ")
}
