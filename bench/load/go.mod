module github.com/socksctl/socksctl/bench/load

go 1.26.0

require golang.org/x/sys v0.50.0
