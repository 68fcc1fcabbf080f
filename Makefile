# Everything runs in .venv, which is made from requirements.lock when it is missing or old.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: help demo up test check format protos chaos bench lock clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

.venv/ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || echo "Making .venv …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	@echo "Installing what requirements.lock lists …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/ready ## Run the whole job in under a minute: import, enrich, follow, check
	@$(BIN)/audiencectl demo

up: .venv/ready ## Start the pair with embedded stores and keep it running (real time)
	@$(BIN)/audiencectl up

test: .venv/ready ## Run the tests
	@$(BIN)/pytest -n auto

chaos: .venv/ready ## Simulate eight weeks with kills and faults, over many seeds (SEEDS=50)
	@$(BIN)/pytest tests/simulation -n auto --seeds $(or $(SEEDS),50) --forecasts .data/forecasts

check: .venv/ready ## Check format, lint, types, the contract and the import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/buf format --path protos/enrichment --path protos/audience --diff --exit-code
	$(BIN)/buf lint
	$(BIN)/lint-imports

format: .venv/ready ## Format code and contract
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/buf format --path protos/enrichment --path protos/audience -w

protos: .venv/ready ## Generate the Python code of the contract anew
	@$(BIN)/python -m protos.generate

lock: .venv/ready ## Resolve the dependencies anew into requirements.lock
	$(BIN)/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements.lock

bench: .venv/ready ## Run the benchmarks: ratios to a floor in the same run (minutes)
	@for each in simulator import_parsing imports audience_scale consume_views views events crowd scale; do echo "== $$each"; $(BIN)/python -m benchmarks.$$each || exit 1; done

clean: ## Remove the environment and the data of make up
	rm -rf .venv .data
