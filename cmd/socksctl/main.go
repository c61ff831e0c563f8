// Command socksctl is a SOCKS5 server, a forwarder that puts TLS around the
// SOCKS of programs that do not know it, and the tools for both.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
