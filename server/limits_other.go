//go:build !unix

package server

// maxDescriptors returns a number that other limits are met before.
func maxDescriptors() int { return 1 << 16 }
