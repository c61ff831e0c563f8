module github.com/socksctl/socksctl/tools/windows

go 1.26
