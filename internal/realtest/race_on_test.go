//go:build race

package realtest_test

const raceDetector = true
