package history_test

import (
	"path/filepath"
	"testing"

	"github.com/socksctl/socksctl/internal/history"
)

// kinds returns what makes a place of its own for a test, for each kind of store.
func kinds() map[string]func(t *testing.T) place {
	return map[string]func(t *testing.T) place{
		"sqlite": func(t *testing.T) place {
			return place{history.AtFile(filepath.Join(t.TempDir(), "state", "history 100%?.db"))}
		},
		"postgres": postgresPlace,
	}
}
