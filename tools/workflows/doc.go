// Package workflows has no code of its own: its tests hold .github to what the
// workflows may do, and to what actionlint knows of them. It is a module by itself,
// which pins the tools that the workflows run.
package workflows
