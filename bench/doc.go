// Package bench holds the benchmarks that run the real packages end to end.
package bench
