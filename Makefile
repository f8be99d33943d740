# `make demo` and `make test` set up everything they need. `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PYTEST := $(BIN)/pytest
NETWORK := ethereum:mainnet-fork:foundry
# One session of Ape each: what a directory deploys and how it moves time is no other's business. Long ones start
# first, after the one that needs no contracts, which runs while they are compiled.
FORK_SUITES := tests/e2e tests/fork
CONTRACT_SUITES := $(addprefix tests/contracts/,hedger settlement) tests/invariants \
	$(addprefix tests/contracts/,lens portal hooks lending delta) tests/parity tests/contracts/test_gas_snapshot.py
SUITES := tests/unit tests/contracts/hedger $(FORK_SUITES) $(filter-out tests/contracts/hedger,$(CONTRACT_SUITES))
# Of each node that Ape starts (pmm.localnet.anvil says why).
export TOKIO_WORKER_THREADS ?= 8
# How many of them run side by side.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PROOFS := tests/invariants tests/parity/test_fill_parity.py
DEMO_ARGS ?=
TEST_ARGS ?=
KILLS ?= 2000
# What runs side by side says its piece when it ends; an older make, as on macOS, lets them talk at once.
SIDE_BY_SIDE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS)) \
	$(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# An offline mainnet, and a record of what Ape started, for each suite: none finds another's half written or gone.
ALONE = port="$$($(BIN)/python -c 'from pmm.localnet.anvil import free_port; print(free_port())')" && \
	export PMM_UPSTREAM_RPC_URL="$${MAINNET_RPC_URL:-http://127.0.0.1:$$port}" APE_DATA_FOLDER="$(CURDIR)/.pmm/ape/$*" &&

.DEFAULT_GOAL := help
SUITE_TARGETS := $(addprefix suite/,$(SUITES))
.PHONY: $(SUITE_TARGETS) help setup build demo test test-unit test-fork test-contracts test-invariants test-invariants-long test-machines-long test-planted-faults test-crash test-genuine lint lint-python lint-types lint-contracts format bench bench-gas bench-quote bench-desk gas-snapshot abis monitoring clean distclean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.python-ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: expected Python 3.11 or 3.12 on PATH, found none; install one or set PYTHON=" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.tools-ready: package-lock.json src/pmm/toolchain/setup.py | .venv/.python-ready
	@echo "installing the locked node tools (anvil, solc)"
	@$(BIN)/python -m pmm.toolchain.setup
	@touch $@

setup: .venv/.tools-ready ## build .venv with pmm in it, node_modules and the compiler launchers

demo: setup ## run the main job end to end and print what happened
	@$(BIN)/pmm demo $(DEMO_ARGS)

test: setup ## set up everything and run every test
	@$(SIDE_BY_SIDE) build $(addprefix suite/,$(SUITES))

test-unit: suite/tests/unit

test-fork: setup ## the tests that need the offline mainnet but not Ape
	@$(SIDE_BY_SIDE) build $(addprefix suite/,$(FORK_SUITES))

test-contracts: setup ## the contract tests, through Ape on the fork
	@$(SIDE_BY_SIDE) build $(addprefix suite/,$(CONTRACT_SUITES))

suite/tests/unit: setup
$(addprefix suite/,$(FORK_SUITES) $(CONTRACT_SUITES)): build

$(addprefix suite/,tests/unit $(FORK_SUITES)): suite/%:
	@$(ALONE) $(PYTEST) -p no:ape_test $* $(TEST_ARGS)

$(addprefix suite/,$(CONTRACT_SUITES)): suite/%:
	@$(ALONE) $(BIN)/ape test $* --network $(NETWORK) $(TEST_ARGS)

build: setup ## compile the contracts where they changed
	@$(BIN)/python -m scripts._build

test-invariants: setup ## the machines against the model and the comparison with 1inch, short as in CI
	@$(BIN)/ape test $(PROOFS) --network $(NETWORK) $(TEST_ARGS)

test-invariants-long: setup ## the same with many more examples
	@PMM_PROOF_DEPTH=long $(BIN)/ape test $(PROOFS) --network $(NETWORK) -o timeout=0 $(TEST_ARGS)

test-machines-long: setup ## the desk's machines off chain, with faults that they meet rarely
	@PMM_PROOF_DEPTH=long PMM_HEDGER_EXAMPLES=2000 $(PYTEST) -p no:ape_test -o timeout=0 tests/unit/execution/hedging $(TEST_ARGS)

test-planted-faults: setup ## plant faults in a copy of the contracts; each must be found (FAULTS="name" picks)
	@$(BIN)/python -m tests.invariants.planted_faults $(FAULTS)

test-crash: setup ## kill admission and the indexer thousands of times, at every step, on SQLite and PostgreSQL (KILLS= per database)
	@PMM_CRASH_KILLS=$(KILLS) $(PYTEST) -p no:ape_test tests/unit/journal/test_crashes.py \
		tests/unit/chain/indexer/test_crashes.py -o timeout=0 $(TEST_ARGS)

test-genuine: setup ## the chain tests on genuine mainnet bytecode (needs PMM_DATA_DIR)
	@test -n "$$PMM_DATA_DIR" || { echo "error: expected PMM_DATA_DIR, the folder with mainnet/bytecode; it is unset" >&2; exit 1; }
	@PMM_LOCALNET_GENUINE=1 $(SIDE_BY_SIDE) build $(addprefix suite/,$(FORK_SUITES) $(CONTRACT_SUITES))

lint: setup ## formatting, lint, types, import layers
	@$(SIDE_BY_SIDE) lint-contracts lint-types lint-python

lint-python: setup
	@$(BIN)/ruff format --check src tests scripts benchmarks
	@$(BIN)/ruff check src tests scripts benchmarks
	@$(BIN)/lint-imports

lint-types: setup
	@$(BIN)/mypy

lint-contracts: setup
	@$(BIN)/python -m pmm.toolchain.lint_contracts

format: setup ## rewrite Python and Solidity in the project's format
	@$(BIN)/ruff check --fix-only --quiet src tests scripts benchmarks
	@$(BIN)/ruff format src tests scripts benchmarks
	@$(BIN)/python -m pmm.toolchain.lint_contracts --write

bench: setup ## run every benchmark; each prints a table and writes benchmarks/results/NAME.json
	@for f in benchmarks/[a-z]*.py; do $(BIN)/python $$f || exit 1; done

bench-gas: setup ## gas of a fill and a cancel, ours and our peers', on one chain in one run
	@$(BIN)/python benchmarks/gas.py

bench-quote: setup ## latency and throughput of firm quotes, beside a plain Python server and a Node server
	@$(BIN)/python benchmarks/quote.py $(if $(MILLION),--million)

bench-desk: setup ## how fast the desk hedges, knows its risk and catches up with the chain (CASES="indexer" picks)
	@$(BIN)/python benchmarks/desk.py $(CASES)

gas-snapshot: setup ## record the gas of our own cases, which the tests hold every change against
	@$(BIN)/python benchmarks/gas.py --snapshot

abis: setup ## compile the contracts and export their ABIs into the package
	@$(BIN)/ape run export_abis

monitoring: setup ## write Grafana boards, alert rules and their tests into monitoring/
	@$(BIN)/python -m pmm.monitoring.write_files monitoring

include analysis/analysis.mk

clean: ## remove builds and caches of this project, keep the environment
	@rm -rf .build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .pmm
	@find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environment, the node tools and the offline mainnet too
	@rm -rf .venv node_modules .solcx .cache src/*.egg-info
