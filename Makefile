# Everything a contributor runs. `make help` lists it.

BIN     := bin/triport-console
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/triport/triport-console/internal/cli.version=$(VERSION)
# Where `make run` serves; another port when this one is taken: make run LISTEN=127.0.0.1:9090
LISTEN  ?= 127.0.0.1:8080
# The linter has a module of its own, so that its dependencies never enter the product's.
LINT    := go tool -modfile=tools/go.mod golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/triport-console
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/triport-console

.PHONY: run
run: build ## serve a local demo and print its journey, ready to paste
	@LISTEN='$(LISTEN)' sh scripts/demo.sh $(BIN)

.PHONY: test
test: ## run every test that needs nothing but Go
	go test ./...

.PHONY: race
race: ## run the same tests under the race detector
	go test -race ./...

.PHONY: e2e
e2e: ## run the journey that `make run` prints (needs curl)
	go test -tags e2e -count 1 -run TestJourney ./cmd/triport-console

.PHONY: test-clients
test-clients: ## test the SDKs and the journey in a real browser (needs node, python3, chromium)
	sh scripts/test-clients.sh
	sh scripts/test-browser.sh

# Ten minutes each by hand: make fuzz FUZZTIME=10m, and then make fuzz-keep
FUZZTIME ?= 10s
.PHONY: fuzz
fuzz: ## fuzz every parser of outside bytes, FUZZTIME each
	@sh scripts/fuzz.sh $(FUZZTIME)

.PHONY: fuzz-keep
fuzz-keep: ## keep the inputs that fuzzing found, so that the next run begins with them
	sh scripts/fuzz.sh --keep

# Needs Linux, root and /dev/fuse for the suites that take the disk away.
.PHONY: torture
torture: ## try to break every promise of docs/guarantees.md, in about twenty-five minutes
	sh scripts/torture.sh -long

.PHONY: torture-short
torture-short: ## the same in five minutes
	sh scripts/torture.sh

.PHONY: bench
bench: ## measure the product beside its peers, in about half an hour; writes bench/RESULTS.md
	cd bench && go run ./cmd/bench -out .

.PHONY: bench-short
bench-short: ## the same within a minute, to see that it still works; writes nothing
	cd bench && go run ./cmd/bench -short

.PHONY: bench-store
bench-store: ## measure batched commits against a transaction per attempt, without the server
	go test -run '^$$' -bench Attribute -benchmem -count 5 ./internal/sqlite

.PHONY: fmt
fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: ## format check, vet and linters
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "not formatted (run make fmt): $$files"; exit 1; }
	go vet ./...
	go vet -tags e2e ./cmd/...
	$(LINT) run

# Not a part of check: it asks the public database, and what is found there depends on the day.
.PHONY: vuln
vuln: ## look for known vulnerabilities in the dependencies (asks the Go vulnerability database)
	go tool -modfile=tools/go.mod govulncheck ./...

.PHONY: check
check: lint test race e2e ## all that must pass before a change is proposed

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf bin .demo
