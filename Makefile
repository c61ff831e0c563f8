# What the checks of this project are called. `.ci/run` runs all of them.

GO        ?= go
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
ROUNDS    ?= 5
LINT      := $(GO) tool -modfile=tools/go.mod golangci-lint
LINTLOAD  := $(GO) tool -modfile=../../tools/go.mod golangci-lint
GORELEASE := $(GO) tool -modfile=tools/release/go.mod goreleaser

.PHONY: build test lint fmt fuzz bench compare gobench release release-check pictures windows workflows vulnerabilities

build: ## the program, for this machine, as ./socksctl
	CGO_ENABLED=0 $(GO) build -trimpath -o socksctl ./cmd/socksctl

test: ## all tests; as root on Debian the programs that they drive are installed first
	@tools/programs
	$(GO) test -race -timeout 15m ./...
	$(GO) test -timeout 5m -run 'Allocat' ./... # which the race detector distorts
	cd tools/kubernetes && $(GO) test -count=1 . # the file that it reads is not of its module
	cd tools/screens && $(GO) test .
	cd bench/load && $(GO) test -race -count=1 -timeout 5m ./... # it builds what is not of its module

lint:
	$(LINT) run ./...
	cd bench/load && $(LINTLOAD) run ./...

fmt:
	$(LINT) fmt ./...
	cd bench/load && $(LINTLOAD) fmt ./...

fuzz: ## every fuzz target for FUZZTIME
	@tools/fuzz $(FUZZTIME)

bench: ## socksctl beside its peers and bare relays, into docs/performance.md: ROUNDS, ONLY=plain,tls/idle, RESUME=1
	@bench/programs
	cd bench/load && $(GO) run . run -rounds $(ROUNDS) -only '$(ONLY)' $(if $(RESUME),-resume)

compare: ## socksctl A against socksctl B in turns: A, B, ROUNDS, ONLY
	cd bench/load && $(GO) run . compare -a '$(abspath $(A))' -b '$(abspath $(B))' -rounds $(ROUNDS) -only '$(ONLY)'

gobench: ## the Go benchmarks, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

pictures: ## those of the documents, made anew
	SOCKSCTL_PICTURES=$(CURDIR)/docs/pictures $(GO) test -count=1 -run TestPictures ./internal/realtest

release-check: ## builds a release of the last commit, twice, and tests what came of it
	@tools/programs
	cd tools/release && $(GO) test -count=1 -timeout 40m .

release: ## publishes the tag that is checked out, as the release workflow does
	@notes=$$(mktemp) && trap 'rm -f "$$notes"' EXIT && \
	tools/release/notes "$$(git describe --tags --exact-match)" >"$$notes" && \
	cosign=$$($(GO) tool -modfile=tools/release/go.mod -n cosign) && PATH="$${cosign%/*}:$$PATH" \
	$(GORELEASE) release --clean --release-notes "$$notes"

windows: ## socksctl.exe under Wine, which has to be there
	cd tools/windows && $(GO) test -count=1 -v .

workflows: ## what holds .github to what it should be
	cd tools/workflows && $(GO) test -count=1 .

vulnerabilities: ## known ones that the code reaches
	$(GO) tool -modfile=tools/workflows/go.mod govulncheck ./...
