package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// replace puts text between the markers of a block of a document, and leaves what
// is around them.
func replace(document, block, text string) (string, error) {
	begin, end := marker(block, "begin"), marker(block, "end")
	from := strings.Index(document, begin)
	if from < 0 {
		return "", fmt.Errorf("no line %q", begin)
	}
	from += len(begin)
	length := strings.Index(document[from:], end)
	if length < 0 {
		return "", fmt.Errorf("no line %q after %q", end, begin)
	}
	return document[:from] + "\n" + text + document[from+length:], nil
}

func marker(block, edge string) string {
	return fmt.Sprintf("<!-- %s: %s, by make bench -->", block, edge)
}

// rewrite replaces blocks of a file.
func rewrite(path string, blocks map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document := string(text)
	for block, within := range blocks {
		if document, err = replace(document, block, within); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return write(path, document)
}

// write replaces a file, which others may read, if it says something else.
func write(path, text string) error {
	old, err := os.ReadFile(path)
	if err == nil && string(old) == text {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // documentation is for everyone
}
