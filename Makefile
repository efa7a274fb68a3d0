# Tools are pinned in tools/go.mod and built by the go command.
TOOL := go tool -modfile=tools/go.mod
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
# The parts of check want both cores each.
.NOTPARALLEL:

# How long each benchmark runs; 1x for a smoke test.
BENCHTIME := 1s
# Flags of bench-events.
EVENTS :=
# Packages that test, race, bench and soak look at.
PKG := ./...
# What lint looks at.
LINT := ./...

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Serve the API on this machine, with its own Postgres and Redis
	go run ./cmd/sheen serve --embedded

.PHONY: test
test: ## Run the tests, after setting up what they need
	@scripts/setup
	go test $(PKG)

.PHONY: race
race: ## Run the tests with the race detector
	@scripts/setup race
	go test -race $(PKG)

.PHONY: bench
bench: ## Run the benchmarks (BENCHTIME=1x for a smoke test)
	@scripts/setup
	go test -short -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(PKG)

.PHONY: build
build: ## Build bin/sheen, without what only a debugger needs
	go build -trimpath -ldflags '-s -w' -o bin/sheen ./cmd/sheen

.PHONY: bench-first
bench-first: build ## Measure the starts, a build and the idle server's memory
	@scripts/setup
	cd bench && go run ./first -sheen ../bin/sheen

.PHONY: bench-events
bench-events: build ## Measure the event log beside its peers (EVENTS='-short', '-only F1,F6')
	@scripts/setup
	cd bench && go build -o ../bin/bench-events ./events && ../bin/bench-events -sheen ../bin/sheen $(EVENTS)

.PHONY: bench-billing
bench-billing: ## Measure the ledger beside its floor (BILLING='-short', '-only L1,L3')
	@scripts/setup
	cd bench && go run ./billing $(BILLING)

.PHONY: bench-builds
bench-builds: build ## Measure whole builds, with one and two workers (BUILDS='-short', '-only B1')
	@scripts/setup
	cd bench && go build -o ../bin/bench-builds ./builds && ../bin/bench-builds -sheen ../bin/sheen $(BUILDS)

.PHONY: soak
soak: ## Run the long tests, those behind the build tag soak
	@scripts/setup race
	go test -race -tags soak -run Soak -timeout 2h $(PKG)

.PHONY: generate
generate: ## Write the gen/ folders, store/*.sql.go, the README's settings and the docs' diagram anew
	$(TOOL) buf format -w proto
	$(TOOL) buf generate
	$(TOOL) buf generate --template server/conformance/buf.gen.yaml
	$(TOOL) sqlc generate
	go test . -run 'TestReadmeListsTheSettings|TestLifecycleIsDocumented' -update

.PHONY: format
format: ## Format Go and Protobuf files
	$(TOOL) golangci-lint fmt
	$(TOOL) buf format -w proto

.PHONY: lint
lint: ## Lint Go and Protobuf files
	$(TOOL) golangci-lint run $(LINT)
	$(TOOL) buf lint

.PHONY: check
check: check-format lint check-breaking check-generated check-migrations vet race conformance check-bench ## Everything that main has to pass

.PHONY: check-format
check-format: ## Fail on files that are not formatted
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted, make format:"; echo "$$unformatted"; exit 1; fi
	$(TOOL) buf format -d --exit-code proto

.PHONY: check-breaking
check-breaking: ## Fail if the protos break clients of main
	scripts/check-breaking

.PHONY: check-generated
check-generated: ## Fail if generated code is not current
	scripts/check-generated

.PHONY: check-migrations
check-migrations: ## Fail if a migration on main was changed
	scripts/check-migrations

.PHONY: vet
vet: ## Vet all packages
	go vet $(PKG)

.PHONY: check-bench
check-bench: ## Vet and test the benchmarks without running them
	cd bench && go vet ./... && go test ./...

.PHONY: conformance
conformance: ## Run the Connect conformance suite against the middleware
	cd server/conformance && go vet ./... && go test -count=1 ./...
