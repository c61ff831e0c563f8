package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/client"
)

// CauseAddresses tells of apps that look names up themselves.
const CauseAddresses client.Cause = "addresses"

// warnOfNames reports variables by which apps are told to look names up on this host
// and to send addresses: that tells the names to whoever serves DNS here, and rules
// of the proxy that go by names do not match.
func (r *run) warnOfNames() {
	var named []string
	for _, variable := range r.Environ {
		name, value, _ := strings.Cut(variable, "=")
		switch strings.ToUpper(name) {
		case "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY":
			if strings.HasPrefix(strings.ToLower(value), "socks5://") {
				named = append(named, name)
			}
		}
	}
	if len(named) == 0 {
		return
	}
	slices.Sort(named)
	r.add(Step{Name: StepNames, Status: Warning, Cause: CauseAddresses,
		Why:  fmt.Sprintf("%s begins with socks5://, by which curl and others look names up on this host and send addresses", strings.Join(named, ", ")),
		Next: "write socks5h://, so that names travel to the proxy"})
}
