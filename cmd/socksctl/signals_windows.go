package main

import "os"

// notifyReload does nothing: Windows has no SIGHUP. Files are watched there too.
func notifyReload(chan<- os.Signal) {}
