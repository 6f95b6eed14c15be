# Everything a contributor runs. `make help` lists it.

BIN     := bin/triport-console
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X github.com/triport/triport-console/internal/cli.version=$(VERSION)
# Where `make run` serves. If the port is taken: make run LISTEN=127.0.0.1:9090
LISTEN  ?= 127.0.0.1:8080
# Linter and vulnerability scanner have a module of their own: their dependencies never enter the product.
TOOL    := go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Same compiler flags as `go test`, so neither compiles again what the other has compiled.
.PHONY: build
build: ## build bin/triport-console
	go build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/triport-console

.PHONY: release
release: ## build bin/triport-console for other machines: static, without debug data and local paths
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w $(LDFLAGS)' -o $(BIN) ./cmd/triport-console

.PHONY: run
run: build ## serve a local demo and print its journey, ready to paste
	@LISTEN='$(LISTEN)' sh scripts/demo.sh $(BIN)

.PHONY: test
test: ## run the tests that need only Go
	go test ./...

.PHONY: race
race: ## run the same tests with the race detector (needs a C compiler)
	go test -race ./...

.PHONY: e2e
e2e: ## run the journey that `make run` prints (needs curl)
	go test -tags e2e -count 1 -run TestJourney ./cmd/triport-console

.PHONY: test-clients
test-clients: ## test the SDKs, the API document and a real browser (needs node, python3, hatchling, chromium)
	sh scripts/test-clients.sh
	sh scripts/test-browser.sh

# For a long run: make fuzz FUZZTIME=10m
FUZZTIME ?= 10s
.PHONY: fuzz
fuzz: ## fuzz every parser of external input, FUZZTIME each
	@sh scripts/fuzz.sh $(FUZZTIME)

# Linux; the suites that break the disk also need root and /dev/fuse, that of restarts nginx.
.PHONY: torture
torture: ## attack every guarantee, about 25 minutes; writes the figures into docs/testing.md
	WRITE_FIGURES=1 sh scripts/torture.sh -long

.PHONY: torture-short
torture-short: ## the same in five minutes; writes nothing
	sh scripts/torture.sh

.PHONY: bench
bench: ## measure the product next to its peers, about 15 minutes; writes the results into bench and the pages that quote them
	cd bench && go run ./cmd/bench -out . && go run ./cmd/figures

.PHONY: bench-short
bench-short: ## check in under a minute that the benchmark works; writes nothing
	cd bench && go run ./cmd/bench -short

.PHONY: bench-store
bench-store: ## compare batched commits with one transaction per attempt, without the server
	go test -run '^$$' -bench Attribute -benchmem -count 5 ./internal/store/sqlite

.PHONY: fmt
fmt: ## format the Go code
	gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: ## check format, vet, linters
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "not formatted (run make fmt): $$files"; exit 1; }
	go vet ./...
	go vet -tags e2e ./cmd/...
	$(TOOL) golangci-lint run

# Not part of check: it asks a public database, so its result changes without a change of the code.
.PHONY: vuln
vuln: ## look for known vulnerabilities in the dependencies (needs the Go vulnerability database)
	$(TOOL) govulncheck ./...

.PHONY: check
check: lint test race e2e ## run what must pass before a change is proposed

.PHONY: clean
clean: ## remove what the other targets created
	rm -rf bin .demo
