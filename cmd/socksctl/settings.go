package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/internal/files"
	"github.com/socksctl/socksctl/internal/strict"
)

// setting is one leaf of the configuration file, and the flag that goes before
// it. Its environment variable is SOCKSCTL_ and the key in capitals.
type setting struct {
	key   string
	flag  string // empty: the file and the environment only
	usage string
	value any // the default: a string, bool, int, time.Duration or []string; nil where absence means something
}

// env returns the name of the variable that sets s.
func (s setting) env() string {
	return "SOCKSCTL_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// registerConfig adds --config.
func registerConfig(flags *pflag.FlagSet) {
	flags.String("config", "", "configuration file (TOML, YAML or JSON)")
}

// register adds the flags of settings, and --config.
func register(flags *pflag.FlagSet, settings []setting) {
	registerConfig(flags)
	for _, s := range settings {
		switch value := s.value.(type) {
		case string:
			flags.String(s.flag, value, s.usage)
		case bool:
			flags.Bool(s.flag, value, s.usage)
		case int:
			flags.Int(s.flag, value, s.usage)
		case time.Duration:
			flags.Duration(s.flag, value, s.usage)
		case []string:
			if s.isURLs() {
				flags.StringArray(s.flag, value, s.usage)
				continue
			}
			flags.StringSlice(s.flag, value, s.usage)
		}
	}
}

// isURLs tells of a list of URLs. In the flag of one a comma parts nothing and a
// quote is nothing special, for there may be a password in it, and the error of
// one that cannot be parted would show it.
func (s setting) isURLs() bool { return s.key == "forward.server" }

// splitList parts a list that is one text, as the environment has it. What follows
// a comma in a URL, and is none itself, belongs to that URL.
func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		last := len(list) - 1
		if last >= 0 && strings.Contains(list[last], "://") && !strings.Contains(part, "://") {
			list[last] += "," + part
			continue
		}
		list = append(list, strings.TrimSpace(part))
	}
	return list
}

// listHook is a decode hook: text becomes the list that it stands for.
func listHook(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice {
		return value, nil
	}
	text := reflect.ValueOf(value).String()
	if text == "" {
		return []string{}, nil
	}
	return splitList(text), nil
}

// loaded is what is in force, and where it comes from.
type loaded struct {
	*config.Config
	file     string // empty: there is none
	text     []byte // of the file
	inFile   *viper.Viper
	flags    *pflag.FlagSet
	settings []setting
	merged   *viper.Viper
}

// load reads the configuration: a flag goes before the environment, that before
// the file, and that before the default.
func load(flags *pflag.FlagSet, settings []setting) (*loaded, error) {
	l := &loaded{flags: flags, settings: settings, inFile: viper.New(), merged: viper.New()}
	if err := l.readFile(); err != nil {
		return nil, misconfigured(err)
	}
	for _, s := range settings {
		if s.value != nil {
			l.merged.SetDefault(s.key, s.value)
		}
		if err := l.merged.BindEnv(s.key, s.env()); err != nil {
			return nil, err
		}
		if flag := flags.Lookup(s.flag); flag != nil {
			if err := l.merged.BindPFlag(s.key, flag); err != nil {
				return nil, err
			}
		}
	}
	l.Config = new(config.Config)
	hook := mapstructure.ComposeDecodeHookFunc(durationText, countText, boolText,
		mapstructure.TextUnmarshallerHookFunc(), listHook)
	err := l.merged.Unmarshal(l.Config, viper.DecodeHook(hook), func(d *mapstructure.DecoderConfig) { d.TagName = "toml" })
	if err != nil {
		return nil, l.blame(err)
	}
	return l, l.checkAddresses()
}

// durationText is a decode hook: what a flag made a time.Duration becomes text
// again, for config.Duration to read.
func durationText(_, _ reflect.Type, value any) (any, error) {
	if d, ok := value.(time.Duration); ok {
		return d.String(), nil
	}
	return value, nil
}

// countText is a decode hook: what a flag made an int becomes text again, for
// config.Count to refuse what is negative.
func countText(_, to reflect.Type, value any) (any, error) {
	if n, ok := value.(int); ok && to == reflect.TypeFor[config.Count]() {
		return strconv.Itoa(n), nil
	}
	return value, nil
}

// boolText is a decode hook: what is no bool is said to be none in plain words.
func boolText(_, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || to.Kind() != reflect.Bool {
		return value, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither true nor false", text)
	}
	return b, nil
}

// blame names the flags and variables of the keys that err is about: what the
// file says was in order.
func (l *loaded) blame(err error) error {
	for _, s := range l.settings {
		named := strings.Contains(err.Error(), "'"+s.key+"'") || strings.Contains(err.Error(), "'"+s.key+"[")
		if l.source(s) != "default" && named {
			return l.wrong(s, lastOf(err))
		}
	}
	return misconfigured(err)
}

// wrong is err with where the value of s comes from.
func (l *loaded) wrong(s setting, err error) error {
	source := l.source(s)
	if line := strict.Line(l.text, s.key); line > 0 && source == "file "+l.file {
		return misconfigured(fmt.Errorf("%s: line %d: %s: %w", l.file, line, s.key, err))
	}
	return misconfigured(fmt.Errorf("%s (%s): %w", source, s.key, err))
}

// lastOf returns the innermost error, without what mapstructure says around it.
func lastOf(err error) error {
	for {
		next := errors.Unwrap(err)
		if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
			next = joined.Unwrap()[0]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// source tells where the value of s comes from.
func (l *loaded) source(s setting) string {
	if l.flags.Changed(s.flag) {
		return "flag --" + s.flag
	}
	if os.Getenv(s.env()) != "" { // an empty one counts as absent
		return "environment " + s.env()
	}
	if l.inFile.InConfig(s.key) || l.inFile.IsSet(s.key) {
		return "file " + l.file
	}
	return "default"
}

// isDefault tells whether nothing says what the value of a key is.
func (l *loaded) isDefault(key string) bool {
	for _, s := range l.settings {
		if s.key == key {
			return l.source(s) == "default"
		}
	}
	return false
}

// readFile reads the configuration file, if there is one, strictly first, and
// then for the order of precedence.
func (l *loaded) readFile() error {
	var err error
	if l.file, err = configFile(l.flags); l.file == "" || err != nil {
		return err
	}
	if l.text, err = files.Read(l.file); err != nil {
		return err
	}
	if _, err := config.Decode(l.file, l.text); err != nil {
		return err
	}
	for _, v := range []*viper.Viper{l.inFile, l.merged} {
		v.SetConfigFile(l.file)
		if err := v.ReadConfig(bytes.NewReader(l.text)); err != nil {
			return err
		}
	}
	return nil
}

// configFile returns the file to read, and "" when there is none.
func configFile(flags *pflag.FlagSet) (string, error) {
	if file, err := flags.GetString("config"); err != nil || file != "" {
		return file, err
	}
	if file := os.Getenv("SOCKSCTL_CONFIG"); file != "" {
		return file, nil
	}
	for _, dir := range configDirs() {
		file := filepath.Join(dir, "config.toml")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", nil
}
