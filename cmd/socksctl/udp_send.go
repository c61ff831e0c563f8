package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/client"
)

// udpSend is what the flags of udp-send say.
type udpSend struct {
	proxyOptions
	count    int
	interval time.Duration
	json     bool
}

func udpSendCommand(s streams) *cobra.Command {
	var o udpSend
	cmd := &cobra.Command{
		Use:   "udp-send HOST:PORT [DATA]",
		Short: "Send datagrams through a proxy, and print the answers",
		Long: `Send datagrams to HOST:PORT through a proxy (UDP ASSOCIATE), and print each
answer with its sender and its time since the last datagram was sent.

DATA is sent once, or --count times. Without DATA each line of stdin is a
datagram; with --count and no DATA the datagrams are "socksctl 1" and so on.
The command ends when as many answers came as were sent, or when none came
within --timeout of the last. It fails when none came at all.`,
		Example: "  socksctl udp-send --server socks5+tls://proxy.example.com --ca ca.crt --count 3 echo.example.com:7 hello",
		Args:    rangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTarget(args[0]); err != nil {
				return err
			}
			counted := cmd.Flags().Changed("count")
			if o.count < 1 || o.interval < 0 || o.Timeout <= 0 {
				return misuse("--count, --interval and --timeout take what is above nothing")
			}
			d, _, err := o.dialer(s, clientLog(s))
			if err != nil {
				return err
			}
			pc, err := d.ListenPacket(cmd.Context(), "udp", "")
			if err != nil {
				return err
			}
			defer pc.Close()
			x := &exchange{
				pc: pc, to: client.Addr(args[0]), timeout: o.Timeout, print: answerPrinter(s.out, o.json),
				progress: s.progress(),
			}
			if counted {
				x.of = o.count
			}
			return x.run(s, o.payloads(s.in, args[1:], counted))
		},
	}
	cmd.Flags().IntVar(&o.count, "count", 1, "how many datagrams to send")
	cmd.Flags().DurationVar(&o.interval, "interval", time.Second, "time between them")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, one answer a line")
	o.register(cmd.Flags())
	return cmd
}
