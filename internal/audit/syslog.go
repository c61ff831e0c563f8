package audit

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	devLog = "unix:///dev/log"
	// patience is how long syslog may take for a line, and after how long one that
	// failed is tried again: a session waits for the first.
	patience = time.Second

	facility = 10 // authpriv, RFC 5424, section 6.2.1
	notice   = 5
	warning  = 4
	appName  = "socksctl"
)

var errSyslog = errors.New("want syslog:, syslog:unix:///path, syslog:udp://host:port or syslog:tcp://host:port")

// syslog is a sink of RFC 5424 messages: datagrams, or over TCP framed by their
// length (RFC 6587, section 3.4.1). It connects when there is something to say.
type syslog struct {
	network, address string
	node             string
	conn             net.Conn
	failed           time.Time // when it could not be reached
}

func newSyslog(address, node string) (*syslog, error) {
	u, err := url.Parse(cmp.Or(address, devLog))
	if err != nil {
		return nil, errSyslog
	}
	s := &syslog{network: u.Scheme, address: u.Host, node: node}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		s.network, s.address = "unixgram", u.Path
	case (u.Scheme == "udp" || u.Scheme == "tcp") && u.Port() != "" && u.Hostname() != "" && strings.Trim(u.Path, "/") == "":
	default:
		return nil, errSyslog
	}
	return s, nil
}

// write sends one message. A connection that has broken is made anew, once.
func (s *syslog) write(e Event, line []byte) error {
	message := s.message(e, line)
	known := s.conn != nil
	err := s.send(message)
	if err != nil && known {
		err = s.send(message)
	}
	return err
}

func (s *syslog) send(message []byte) error {
	if s.conn == nil {
		if err := s.connect(); err != nil {
			return err
		}
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience)) // one that cannot be set fails the write
	if _, err := s.conn.Write(message); err != nil {
		s.conn.Close()
		s.conn = nil
		return err
	}
	return nil
}

// connect does not ask again at once what has just failed, for each session would
// wait for that.
func (s *syslog) connect() (err error) {
	if time.Since(s.failed) < patience {
		return fmt.Errorf("syslog at %s cannot be reached", s.address)
	}
	s.conn, err = net.DialTimeout(s.network, s.address, patience)
	if err != nil {
		s.failed = time.Now()
	}
	return err
}

// message returns the line with the header of RFC 5424, section 6.
func (s *syslog) message(e Event, line []byte) []byte {
	severity := notice
	if e.Event == Refused || e.Event == LoginFailed || e.Event == Killed {
		severity = warning
	}
	m := fmt.Sprintf("<%d>1 %s %s %s %d %s - %s", facility<<3|severity, e.Time.Format("2006-01-02T15:04:05.000000Z07:00"),
		printable(s.node), appName, os.Getpid(), e.Event, line)
	if s.network == "tcp" {
		m = fmt.Sprintf("%d %s", len(m), m)
	}
	return []byte(m)
}

// printable returns a name as a header may have it, "-" for none.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return cmp.Or(name[:min(len(name), 255)], "-")
}

func (s *syslog) reopen() error {
	err := s.close()
	s.conn, s.failed = nil, time.Time{}
	return err
}

func (s *syslog) close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
