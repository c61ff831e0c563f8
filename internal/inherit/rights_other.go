//go:build !unix

package inherit

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Supported tells whether this system hands descriptors over.
const Supported = false

var errSystem = fmt.Errorf("this system hands no descriptors over: %w", errors.ErrUnsupported)

func sendWith(*net.UnixConn, []byte, int) error { return errSystem }

func receive(*net.UnixConn) (message, []*os.File, error) { return message{}, nil, errSystem }

func listens(net.Listener) error { return nil }
