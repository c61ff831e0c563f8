// Package pgtest starts a PostgreSQL server for tests, on Linux. It is for tests.
package pgtest
