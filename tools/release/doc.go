// Package release has no code of its own: its tests build what goreleaser.yaml
// releases, from a clean checkout of the last commit, publish it to services of their
// own, and look at what came of it.
// It is a module by itself, for goreleaser pulls in what nothing else here needs.
package release
