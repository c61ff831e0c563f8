# What the checks of this project are called. `.ci/run` runs all of them.

GO        ?= go
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
LINT      := $(GO) tool -modfile=tools/go.mod golangci-lint

.PHONY: build test lint fmt fuzz bench

build: ## the program, for this machine, as ./socksctl
	CGO_ENABLED=0 $(GO) build -trimpath -o socksctl ./cmd/socksctl

test: ## all tests; as root on Debian the programs that they drive are installed first
	@tools/programs
	$(GO) test -race -timeout 15m ./...
	$(GO) test -timeout 5m -run 'Allocat' ./... # which the race detector distorts
	cd tools/kubernetes && $(GO) test -count=1 . # the file that it reads is not of its module

lint:
	$(LINT) run ./...

fmt:
	$(LINT) fmt ./...

fuzz: ## every fuzz target for FUZZTIME
	@tools/fuzz $(FUZZTIME)

bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...
