module github.com/socksctl/socksctl/tools/screens

go 1.26.0
