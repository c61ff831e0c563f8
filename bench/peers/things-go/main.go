// Command things-go is the plainest server of things-go/go-socks5: it listens at
// the address that is its argument, and lets everyone go anywhere.
package main

import (
	"fmt"
	"os"

	"github.com/things-go/go-socks5"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: things-go ADDRESS")
		os.Exit(2)
	}
	if err := socks5.NewServer().ListenAndServe("tcp", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "things-go:", err)
		os.Exit(1)
	}
}
