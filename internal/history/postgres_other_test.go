//go:build !linux

package history_test

import "testing"

func postgresPlace(t *testing.T) place {
	t.Skip("PostgreSQL is started on Linux alone")
	return place{}
}

func endPostgres() {}
