package main

import "os"

// reloadSignals is empty: Windows has no SIGHUP. Files are watched there too.
func reloadSignals() []os.Signal { return nil }
