module github.com/socksctl/socksctl/bench/peers/things-go

go 1.26.0

require github.com/things-go/go-socks5 v0.1.0
