# Everything a person repeats is a target here; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help

RELEASE := .build/release/orchestratord
SWIFT_SOURCES := Package.swift $(wildcard Sources Tests Examples)

.PHONY: help dependencies test-dependencies build release test lint format demo simulate soak histories chaos fuzz test-thread-sanitizer test-address-sanitizer
.PHONY: bench bench-steady bench-peers docs migrations openapi contract clean

help: ## List the targets
	@echo "make TARGET, where TARGET is one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dependencies: ## Install the Debian packages that building and running need (as root or by sudo)
	@command -v swift >/dev/null || { echo "No 'swift' on PATH: install the Swift 6.3 toolchain, then call make again." >&2; exit 1; }
	@scripts/install-dependencies run

test-dependencies: dependencies ## Install what the tests need beyond that: a browser, independent checkers
	@scripts/install-dependencies test
	@scripts/python-tools || echo "PyPI gave no packages (see above): tests against independent clients from there are skipped." >&2

build: dependencies ## Build everything for debugging
	@swift build

release: dependencies ## Build the one binary, optimised, with Swift linked in: .build/release/orchestratord
	@swift build -c release --static-swift-stdlib --product orchestratord

test: test-dependencies lint ## Do all that CI does: install, lint, build without warnings, fuzz every parser, run every test
	@swift build --build-tests
	@scripts/fuzz brief
	@scripts/run-tests

lint: ## Check the format of the Swift code
	@swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)

format: ## Rewrite the Swift code in the project's format
	@swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

demo: release ## Take a song from upload to published; SONG=path for one of your own
	@$(RELEASE) demo $(if $(SONG),--song "$(SONG)")

# Next to the other builds, so that neither is built again for the other.
simulate: ## Run whole clusters from seeds: SEEDS=10000 [FIRST=1] or MINUTES=10, or SEED=17 for one with its trace
	@swift build -c release --scratch-path .build/simulation -Xswiftc -enable-testing -Xswiftc -enforce-exclusivity=unchecked --static-swift-stdlib --product Simulator
	@.build/simulation/release/Simulator $(if $(SEED),--seed $(SEED) --trace,--first $(or $(FIRST),1) $(if $(MINUTES),--minutes $(MINUTES),--seeds $(or $(SEEDS),10000))) $(ARGS)

soak: ## The same for random workflow programs whose ends are foretold
	@$(MAKE) simulate ARGS="--programs $(ARGS)"

histories: ## Record what this build's workflows leave, for later builds to replay: LABEL=2026-11-21; what is there stays as it is
	@swift build --build-tests
	@RECORD_HISTORIES=$(or $(LABEL),$(shell date +%Y-%m-%d)) swift test --skip-build --disable-xctest --no-parallel --filter HistoryTests/record

fuzz: ## Search every parser for inputs that break it: SECONDS=60 each, TARGET=multipart for one
	@scripts/fuzz $(or $(SECONDS),60) $(TARGET)

test-thread-sanitizer: test-dependencies ## Run the tests under the thread sanitizer; FILTER=PromiseTests for some
	@scripts/sanitize thread $(if $(FILTER),'$(FILTER)')

test-address-sanitizer: test-dependencies ## Run the tests under the address sanitizer; FILTER=HTTPTests for some
	@scripts/sanitize address $(if $(FILTER),'$(FILTER)')

bench: release ## Measure every target on this machine, about 10 minutes; ARGS="--workload chain --json" for one workload
	@$(RELEASE) bench $(ARGS)

bench-steady: release ## Half of the maximum for MINUTES=10 with retention on, then half as long beside a foreign snapshot
	@$(RELEASE) bench --workload steady --minutes $(or $(MINUTES),10) $(ARGS)

bench-peers: release ## Compare it with DBOS, Procrastinate and PgQueuer from PyPI; ROUNDS=5, QUICK=1 for a look
	@scripts/bench-peers $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(ARGS)

contract: test-dependencies ## Send the API what schemathesis makes of its contract: EXAMPLES=100 of each operation and role
	@swift build --build-tests
	@CONTRACT_EXAMPLES=$(or $(EXAMPLES),100) swift test --skip-build --disable-xctest --no-parallel --filter ContractPeerTests

chaos: test-dependencies ## Attack processes and PostgreSQL for MINUTES=n (default 2), then check what is left; SEED=n repeats a plan
	@swift build -c release --product EngineProcess
	@/usr/bin/python3 -B Tests/Chaos/storm.py --executable .build/release/EngineProcess --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED))

docs: build ## Render the public API's documentation into .build/documentation
	@scripts/render-documentation

migrations: ## Put Migrations/*.sql into the binary's source; run it after every change of them
	@scripts/embed-migrations > Sources/Orchestrator/Store/EmbeddedMigrations.swift.new
	@mv Sources/Orchestrator/Store/EmbeddedMigrations.swift.new Sources/Orchestrator/Store/EmbeddedMigrations.swift

openapi: ## Put docs/openapi/*.yaml into the binary's source as one document; run it after every change of them
	@scripts/bundle-openapi > Sources/orchestratord/Contract/EmbeddedContract.swift.new
	@mv Sources/orchestratord/Contract/EmbeddedContract.swift.new Sources/orchestratord/Contract/EmbeddedContract.swift

clean: ## Remove everything that was built, but no data
	@rm -rf .build
