// Package audit writes down who did what, one JSON object a line, apart from the
// log: sessions that were opened, closed, killed and refused, logins that failed,
// and reloads. A line goes to a file, to stdout or to syslog before what it tells
// of goes on; [Log.Admit] has sessions refused that cannot be written down.
//
//	l, err := audit.Open("/var/log/socksctl/audit.log", audit.Options{})
//	s := &server.Server{Observer: l, Admit: l.Admit}
//
// docs/history.md has the form of the lines.
package audit
