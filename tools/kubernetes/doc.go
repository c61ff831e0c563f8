// Package kubernetes has no code of its own: its tests hold deploy/kubernetes to
// the types of the Kubernetes API. It is a module by itself, for what those pull
// in is nothing that who builds socksctl should have to load.
package kubernetes
