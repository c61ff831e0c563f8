package relay

import "golang.org/x/sys/unix"

// fionread asks how many bytes wait on a socket.
const fionread = unix.TIOCINQ
