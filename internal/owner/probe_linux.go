package owner

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// probe asks about a connection of this process's own, whose owner is uid.
func probe(uid uint32) error {
	if uid == overflow() && !everyUserIsMapped() {
		return fmt.Errorf("uid %d also stands for all users without a number in this user namespace", uid)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := ask(question{
		protocol: unix.IPPROTO_TCP, src: addrPort(c.LocalAddr()), dst: addrPort(c.RemoteAddr()), device: loopback,
	})
	if err != nil {
		return fmt.Errorf("whose socket a client has: %w", err)
	}
	if got != uid {
		return fmt.Errorf("whose socket a client has: the system says uid %d of one of uid %d", got, uid)
	}
	return nil
}

// overflow returns the uid that the system gives for users who have none in this
// user namespace.
func overflow() (uid uint32) {
	text, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err == nil {
		_, err = fmt.Fscan(bytes.NewReader(text), &uid)
	}
	if err != nil {
		return 65534
	}
	return uid
}

// everyUserIsMapped tells whether all users of this host have a uid in the user
// namespace of this process: user_namespaces(7), /proc/PID/uid_map.
func everyUserIsMapped() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return true // a system without user namespaces
	}
	return strings.Join(strings.Fields(string(text)), " ") == "0 0 4294967295"
}
