package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"
)

// Decode reads data, the contents of file, into a Config. Its ending says what
// it is written in. Errors name the file, the line and the key, never a value
// of a key that may be secret.
func Decode(file string, data []byte) (*Config, error) {
	config := new(Config)
	var err error
	switch format(file) {
	case "toml":
		err = decodeTOML(data, config)
	case "yaml", "json": // JSON is YAML
		err = decodeYAML(data, config)
	default:
		err = fmt.Errorf("the ending is none of .toml, .yaml, .yml and .json")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return config, nil
}

// format tells from its ending what file is written in.
func format(file string) string {
	ext := strings.TrimPrefix(filepath.Ext(file), ".")
	if ext == "yml" {
		return "yaml"
	}
	return ext
}

func decodeTOML(data []byte, config *Config) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(config)
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var errs []error
		for _, one := range strict.Errors {
			line, _ := one.Position()
			errs = append(errs, fmt.Errorf("line %d: unknown key %s", line, strings.Join(one.Key(), ".")))
		}
		return errors.Join(errs...)
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		said := strings.TrimPrefix(bad.Error(), "toml: ")
		if key := strings.Join(bad.Key(), "."); key != "" {
			said = key + ": " + said
		}
		return fmt.Errorf("line %d: %s", line, said)
	}
	if err != nil {
		return locate(data, err)
	}
	return nil
}

// locate finds the number or boolean that err is about, where text belongs:
// the TOML decoder hands it to UnmarshalText and loses its place.
func locate(data []byte, err error) error {
	for i, line := range strings.Split(string(data), "\n") {
		key, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, "#")
		if value = strings.TrimSpace(value); value != "" && strings.HasPrefix(err.Error(), fmt.Sprintf("%q ", value)) {
			return fmt.Errorf("line %d: %s: %w", i+1, strings.TrimSpace(key), err)
		}
	}
	return err
}

// decodeYAML decodes leaf by leaf, since only so an error of a value can be
// told with its key and line.
func decodeYAML(data []byte, config *Config) error {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil || len(document.Content) == 0 {
		return err
	}
	return decodeNode(document.Content[0], nil, config)
}

// decodeNode decodes what stands under the keys path.
func decodeNode(node *yaml.Node, path []*yaml.Node, config *Config) error {
	if node.Kind != yaml.MappingNode {
		return decodeLeaf(node, path, config)
	}
	var errs []error
	for i := 0; i+1 < len(node.Content); i += 2 {
		below := append(slices.Clone(path), node.Content[i])
		errs = append(errs, decodeNode(node.Content[i+1], below, config))
	}
	return errors.Join(errs...)
}

func decodeLeaf(node *yaml.Node, path []*yaml.Node, config *Config) error {
	var keys []string
	for _, key := range path {
		keys = append(keys, key.Value)
	}
	nested := node
	for _, key := range slices.Backward(path) {
		nested = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, nested}}
	}
	text, err := yaml.Marshal(nested)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err = decoder.Decode(config)
	if err == nil {
		return nil
	}
	name := strings.Join(keys, ".")
	if strings.Contains(err.Error(), "not found in type") {
		return fmt.Errorf("line %d: unknown key %s", node.Line, name)
	}
	var bad *yaml.TypeError
	if errors.As(err, &bad) {
		return fmt.Errorf("line %d: %s: not the kind of value that belongs here", node.Line, name)
	}
	return fmt.Errorf("line %d: %s: %w", node.Line, name, err)
}
