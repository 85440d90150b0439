# Everything runs from a virtual environment of the project's own; nothing else needs to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are processors (tests/conftest.py).
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test stress lint format bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Throughline needs Python 3.11 or newer; set PYTHON=... to name one."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run

install: $(VENV)/.run ## make .venv and install what the app needs

install-dev: $(VENV)/.dev ## the same, and what tests and linters need

run: install ## start Throughline: embedded Postgres, demo data on first start, UI, API and worker
	@exec $(BIN)/python -m crm serve

test: install-dev ## the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

stress: install-dev ## the larger runs: many real writers, long random histories, a million leads
	$(BIN)/python -m pytest -m stress tests/stress $(ARGS)

lint: install-dev ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

format: install-dev ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-dev ## time every screen's reads, writes, import and reports (ARGS="--leads 100000")
	$(BIN)/python -m crm bench $(ARGS)

clean: ## remove .venv and caches; data in .data stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
