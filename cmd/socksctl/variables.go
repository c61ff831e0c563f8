package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// direct is what does not go through a proxy: this host.
const direct = "localhost,127.0.0.1,::1"

// variable is one of the environment.
type variable struct{ name, value string }

// proxyVariables returns what programs take their proxy from. Most read the names in
// capitals or not, some only one of the two; on Windows they are the same.
func proxyVariables(proxy, noProxy string) (all []variable) {
	for _, name := range proxyNames() {
		value := proxy
		if strings.EqualFold(name, "NO_PROXY") {
			value = noProxy
		}
		all = append(all, variable{name, value})
	}
	return all
}

func proxyNames() []string {
	names := []string{"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}
	if runtime.GOOS == "windows" {
		return names
	}
	for _, name := range slices.Clone(names) {
		names = append(names, strings.ToLower(name))
	}
	return names
}

// withProxy returns environ with the proxy in place of any other.
func withProxy(environ []string, proxy, noProxy string) []string {
	names := proxyNames()
	environ = slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	})
	for _, v := range proxyVariables(proxy, noProxy) {
		environ = append(environ, v.name+"="+v.value)
	}
	return environ
}

// shellLine returns the line of a shell that sets v for what is started from it.
func (v variable) shellLine(shell string) (string, error) {
	switch shell {
	case "sh":
		return fmt.Sprintf("export %s=%s", v.name, quoted(v.value, `'\''`)), nil
	case "fish":
		return fmt.Sprintf("set -gx %s %s", v.name, quoted(v.value, `\'`)), nil
	case "powershell":
		return fmt.Sprintf("$Env:%s = '%s'", v.name, strings.ReplaceAll(v.value, "'", "''")), nil
	}
	return "", misuse("--shell: %q is none of sh, fish, powershell", shell)
}

// quoted returns text as one word of a shell in which quote is how a quote is
// written.
func quoted(text, quote string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_./:,@%+-", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", quote) + "'"
}
