package client

import (
	"net/url"

	"golang.org/x/net/proxy"
)

// RegisterSchemes teaches golang.org/x/net/proxy the schemes of [ParseURL], so
// that its FromURL and, by the variable ALL_PROXY, its FromEnvironment take
// them. socks5 and socks5h stay with the dialer that is built in there. Call it
// once, before other goroutines use that package: its table has no lock.
func RegisterSchemes() {
	for scheme := range schemes() {
		proxy.RegisterDialerType(scheme, fromURL)
	}
}

func fromURL(u *url.URL, forward proxy.Dialer) (proxy.Dialer, error) {
	d, err := ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	d.Forward = forward
	return d, nil
}
