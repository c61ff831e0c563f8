package owner

import (
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// answerTimeout is never met: the answer is there when the question is sent.
	answerTimeout = time.Second

	// maxAnswer is more than an inet_diag_msg with all attributes that come unasked.
	maxAnswer = 4096

	// maxInterrupts is how many signals a receive outlasts.
	maxInterrupts = 100
)

// ask puts q to the system and returns the uid of the socket's owner. The netlink
// socket for it is closed after.
func ask(q question) (uid uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("sock_diag: %w", err)
	}
	defer unix.Close(fd)
	q.seq = rand.Uint32()
	b, err := exchange(fd, q.message())
	if err != nil {
		return 0, fmt.Errorf("sock_diag: %w", err)
	}
	a, err := q.read(b)
	if err != nil {
		return 0, err
	}
	return q.owner(a)
}

// exchange sends a message to the system and returns what comes back.
func exchange(fd int, message []byte) ([]byte, error) {
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, err
	}
	system := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(fd, message, 0, system); err != nil {
		return nil, err
	}
	b := make([]byte, maxAnswer)
	n, from, err := unix.Recvfrom(fd, b, 0)
	for i := 0; err == unix.EINTR && i < maxInterrupts; i++ { // a receive with a timeout is not taken up again
		n, from, err = unix.Recvfrom(fd, b, 0)
	}
	if err != nil {
		return nil, err
	}
	if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
		return nil, errMalformed
	}
	return b[:n], nil
}
