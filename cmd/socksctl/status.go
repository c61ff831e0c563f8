package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/human"
)

func statusCommand(s streams) *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell in a line how a running serve or forward does",
		Long: `Tell in a line how a running serve or forward does: since when it runs, where it
listens, how many sessions it has, which of its servers are up, and when its
certificate ends. The exit status is 0 when clients are served: serve is ready, or a
server of forward is up; 1 when they are not, or nothing answers.`,
		Example: "  socksctl status\n  socksctl status --json --admin unix:/run/socksctl/forward.sock",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), adminLimit)
			defer cancel()
			c, err := f.client(ctx)
			if err != nil {
				return err
			}
			status, err := c.Status(ctx)
			if err != nil {
				return asked(err)
			}
			return tellStatus(s, status, f.asJSON)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

// tellStatus prints a status; the error has the exit status of one that serves
// nobody.
func tellStatus(s streams, status admin.Status, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(s.out).Encode(status)
	} else {
		_, err = fmt.Fprintln(s.out, human.Visible(statusLine(status, time.Now())))
	}
	if err == nil && !serves(status) {
		return &exitError{status: exitFailed}
	}
	return err
}

// serves tells whether clients of the service get anywhere.
func serves(status admin.Status) bool {
	if status.Service == admin.Forward {
		return slices.ContainsFunc(status.Servers, func(u admin.Upstream) bool { return u.Up })
	}
	return status.Ready
}

// statusLine is a status in words.
func statusLine(status admin.Status, now time.Time) string {
	ready := "ready"
	if !status.Ready {
		ready = "not ready (" + status.Reason + ")"
	}
	parts := []string{
		status.Service + " " + status.Version + " is " + ready,
		"since " + status.Started.Local().Format(time.DateTime) + " (" + human.Took(now.Sub(status.Started)) + ")",
		"on " + listenersInWords(status.Listeners), sessionsInWords(status.Sessions),
	}
	if status.Service == admin.Forward {
		parts = append(parts, serversInWords(status.Servers))
	}
	if c := status.Certificate; c != nil {
		parts = append(parts, certificateInWords(c.NotAfter, now))
	}
	return strings.Join(parts, ", ")
}

func listenersInWords(listeners []admin.Listener) string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Address+" ("+l.Protocol+")")
	}
	return strings.Join(all, " and ")
}

func sessionsInWords(sessions map[string]int) string {
	total := 0
	for _, n := range sessions {
		total += n
	}
	return human.Count(total, "session")
}

func serversInWords(servers []admin.Upstream) string {
	up := 0
	for _, u := range servers {
		if u.Up {
			up++
		}
	}
	return fmt.Sprintf("%d of %s up", up, human.Count(len(servers), "server"))
}

func certificateInWords(end, now time.Time) string {
	day := end.Local().Format(time.DateOnly)
	if end.Before(now) {
		return "certificate ended " + day
	}
	return fmt.Sprintf("certificate ends %s (%s)", day, human.Count(int(end.Sub(now)/(24*time.Hour)), "day"))
}
