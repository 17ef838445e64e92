# The project's commands, each of which first builds the environment in .venv when it is missing or
# out of date. All they need is make and Python 3.11 or later (another one: make test PYTHON=...).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

# Where the ledger, the warehouse and Dagster's history are kept.
HELICARRIER_DATA_DIR ?= $(CURDIR)/data

# Test processes (0: one, in the foreground, for a debugger) and anything else for pytest.
WORKERS ?= 2
ARGS ?=

# What the benchmarks read and write; --make fills the folder first, then it is only read.
BENCH_DIR ?= $(HELICARRIER_DATA_DIR)/bench
BENCH_MB ?= 500

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test coverage lint format type ui bench screenshots lock clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## build .venv from requirements.lock (the other targets do it by themselves)

$(STAMP): pyproject.toml requirements.lock scripts/setup.sh
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh scripts/setup.sh
	@touch $@

# Dagster reads its settings from the folder that holds its history, and wants the path absolute.
define in_data_dir
	@mkdir -p '$(HELICARRIER_DATA_DIR)/dagster'
	@ln -sf '$(CURDIR)/dagster.yaml' '$(HELICARRIER_DATA_DIR)/dagster/dagster.yaml'
	@HELICARRIER_DATA_DIR="$$(cd '$(HELICARRIER_DATA_DIR)' && pwd)" && \
		export HELICARRIER_DATA_DIR DAGSTER_HOME="$$HELICARRIER_DATA_DIR/dagster" &&
endef

run: $(STAMP) ## import the sample sessions, refresh the assets and show the usage report
	$(in_data_dir) $(BIN)/helicarrier demo

test: $(STAMP) ## run the tests (WORKERS=0 for one process, ARGS='-k name' for pytest)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

coverage: $(STAMP) ## run the tests and tell what of the package they reach; takes half as long again
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term $(ARGS)

lint: $(STAMP) ## check style, formatting and which module may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## repair what lint can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

type: $(STAMP) ## check types
	@$(BIN)/mypy

ui: $(STAMP) ## serve the asset graph on 127.0.0.1:3000
	$(in_data_dir) $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1

bench: $(STAMP) ## measure import, aggregation, checks, backfill, start, service and the rest against their floors (BENCH_MB, BENCH_DIR)
	@$(BIN)/python benchmarks/import_sessions.py '$(BENCH_DIR)' --make $(BENCH_MB)
	@$(BIN)/python benchmarks/aggregates.py
	@$(BIN)/python benchmarks/governance.py
	@$(BIN)/python benchmarks/backfill.py --sessions 100
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/git_history.py
	@$(BIN)/python benchmarks/lineage.py
	@$(BIN)/python benchmarks/resolution.py --runs 3
	@$(BIN)/python benchmarks/advisory.py --decisions 200 --runs 3
	@$(BIN)/python benchmarks/service.py --calls 100000 --seconds 2 --times 10
	@$(BIN)/python benchmarks/legacy_reads.py --sessions 10000 --times 5

screenshots: $(STAMP) ## take the pictures of the README (needs Chromium and chromedriver)
	@$(BIN)/python scripts/screenshots.py

lock: $(STAMP) ## resolve requirements.lock anew from pyproject.toml (ARGS='--upgrade' for newer ones)
	@BIN='$(BIN)' sh scripts/lock.sh $(ARGS)

clean: ## remove .venv, caches and build output; the data folder stays
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf .import_linter_cache .coverage htmlcov .tmp_dagster_home_*
	@find . -type d -name __pycache__ -not -path './data/*' -prune -exec rm -rf {} +
