package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/client"
)

func configCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, show and write configuration files",
		Example: "  socksctl config init socksctl.toml",
	}
	cmd.AddCommand(configCheckCommand(s), configPrintCommand(s), configInitCommand(s))
	return cmd
}

func configCheckCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Validate the configuration and the files it names",
		Example: "  socksctl config check --config socksctl.toml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := load(cmd.Flags(), allSettings())
			if err != nil {
				return err
			}
			if err := checkFiles(s, l); err != nil {
				return misconfigured(err)
			}
			_, err = fmt.Fprintf(s.out, "%s: in order\n", orNone(l.file))
			return err
		},
	}
	registerConfig(cmd.Flags())
	return cmd
}

func configPrintCommand(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "print",
		Short:   "Show what is in force, and where each value comes from",
		Example: "  socksctl config print --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := load(cmd.Flags(), allSettings())
			if err != nil {
				return err
			}
			return printConfig(s.out, l, asJSON)
		},
	}
	registerConfig(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func configInitCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a commented example, to FILE or to stdout",
		Example: "  socksctl config init socksctl.toml",
		Args:    rangeArgs(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return writeExample(s.out)
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			return errors.Join(writeExample(f), f.Close())
		},
	}
}

// allSettings is every key there is, once.
func allSettings() []setting {
	seen := make(map[string]bool)
	all := slices.Concat(serverSettings(), fileSettings(), forwardSettings())
	return slices.DeleteFunc(all, func(s setting) bool {
		defer func() { seen[s.key] = true }()
		return seen[s.key]
	})
}

func orNone(file string) string {
	if file == "" {
		return "no file, defaults and environment"
	}
	return file
}

// configValue is one line of config print.
type configValue struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

func printConfig(w io.Writer, l *loaded, asJSON bool) error {
	var values []configValue
	for _, s := range l.settings {
		values = append(values, configValue{s.key, l.shown(s), l.source(s)})
	}
	if asJSON {
		return json.NewEncoder(w).Encode(values)
	}
	for _, v := range values {
		if _, err := fmt.Fprintf(w, "%-36s %-28s %s\n", v.Key, tomlValue(v.Value), v.Source); err != nil {
			return err
		}
	}
	return nil
}

// shown returns the value of s as it may be shown: a list is a list wherever it
// comes from, and the URL of a proxy is without its password.
func (l *loaded) shown(s setting) any {
	value := l.merged.Get(s.key)
	switch s.key {
	case "history.url":
		return l.History.URL.String()
	case "forward.history":
		return l.Forward.History.String()
	}
	if _, isList := s.value.([]string); !isList {
		return value
	}
	var list []string
	switch value := value.(type) {
	case string: // from the environment
		list = splitList(value)
	case []string:
		list = value
	case []any:
		for _, one := range value {
			list = append(list, fmt.Sprint(one))
		}
	}
	if s.isURLs() {
		list = withoutPasswords(list)
	}
	return list
}

func withoutPasswords(urls []string) []string {
	shown := make([]string, len(urls))
	for i, raw := range urls {
		shown[i] = "not a URL of a proxy"
		if d, err := client.ParseURL(raw); err == nil {
			shown[i] = d.URL()
		}
	}
	return shown
}

// writeExample writes every key with its meaning and its default, commented.
func writeExample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration of socksctl. The lines that are commented show the defaults.\n# A flag goes before the environment, and that before this file.\n")
	table := ""
	for _, s := range exampleOrder() {
		dot := strings.LastIndexByte(s.key, '.')
		if s.key[:dot] != table {
			table = s.key[:dot]
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		value := tomlValue(s.value)
		if s.value == nil { // absence is the default
			value = "true"
		}
		fmt.Fprintf(&b, "# %s\n# %s = %s\n", s.usage, s.key[dot+1:], value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// exampleOrder is all settings, those of one table together.
func exampleOrder() []setting {
	var tables []string
	byTable := make(map[string][]setting)
	for _, s := range allSettings() {
		table := s.key[:strings.LastIndexByte(s.key, '.')]
		if byTable[table] == nil {
			tables = append(tables, table)
		}
		byTable[table] = append(byTable[table], s)
	}
	var ordered []setting
	for _, table := range tables {
		ordered = append(ordered, byTable[table]...)
	}
	return ordered
}

// tomlValue writes a value as TOML does, and a dash for none.
func tomlValue(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		return fmt.Sprintf("%q", v)
	case time.Duration:
		return fmt.Sprintf("%q", v)
	case []any, []string:
		list, err := json.Marshal(v)
		if err != nil || string(list) == "null" {
			return "[]"
		}
		return string(list)
	}
	return fmt.Sprint(value)
}
