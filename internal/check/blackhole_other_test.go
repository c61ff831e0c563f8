//go:build !linux

package check_test

func systemProblems() []problem { return nil }
