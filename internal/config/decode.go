package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/socksctl/socksctl/internal/strict"
)

// Decode reads data, the contents of file, into a Config. Its ending says what
// it is written in. Errors name the file, the line and the key, never a value
// of a key that may be secret.
func Decode(file string, data []byte) (*Config, error) {
	config := new(Config)
	var err error
	switch format(file) {
	case "toml":
		err = strict.TOML(data, config)
	case "json": // is YAML, which takes more
		if err = checkJSON(data); err == nil {
			err = decodeYAML(data, config)
		}
	case "yaml":
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

// checkJSON tells what is no JSON, and in which line.
func checkJSON(data []byte) error {
	var anything any
	err := json.Unmarshal(data, &anything)
	var bad *json.SyntaxError
	if errors.As(err, &bad) {
		before := data[:min(int(bad.Offset), len(data))]
		return fmt.Errorf("line %d: %w", 1+bytes.Count(before, []byte("\n")), err)
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
