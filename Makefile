# `make help` lists the targets. PYTHON=python3.12 picks an interpreter, ARGS="-k store" goes on to pytest or to bench.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
ARGS ?=
SHARED_OUT := --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PAGES := $(addprefix core.docgen.,method_docs network_docs settings_docs glossary_docs) workers.make.cli_docs
NEEDS := Gazegrid needs Python 3.11 to 3.13

.PHONY: help setup up down status test lint types layers fmt docs bench soak catalog bundled

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install everything into .venv, at the versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time this takes some minutes and about 7 GB."
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[worker,lite,embedded,test]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(NEEDS), and there is no $(PYTHON) here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "$(NEEDS), $(PYTHON) is $$($(PYTHON) -V 2>&1): name another, make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

up: setup ## start Redis, a worker and the dashboard; Ctrl-C stops them
	@exec $(BIN)/gazegrid up

down: setup ## stop what `make up` started
	@exec $(BIN)/gazegrid down

status: setup ## show address, queue and workers
	@exec $(BIN)/gazegrid status

test: setup ## run all tests
	@exec $(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) $(SHARED_OUT) $(ARGS)

lint: setup ## ruff: errors, style, format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy

layers: setup ## import-linter: which package may import which
	@$(BIN)/lint-imports --no-logo

fmt: setup ## format the code, and apply the fixes of ruff
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: setup ## write the generated pages of docs/: methods, networks, settings, glossary, command line
	@for page in $(PAGES); do $(BIN)/python -m $$page; done

bench: setup ## benchmarks: speed as ratios
	@exec $(BIN)/gazegrid bench $(ARGS)

soak: setup ## fault and load tests at full size
	@exec $(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

catalog: setup ## update the catalog of timm's networks
	@exec $(BIN)/python -m core.networks.make_catalog

bundled: setup ## train the bundled networks again: make bundled DATA=... HELD_OUT=... (hours)
	@test -n "$(DATA)" -a -n "$(HELD_OUT)" || { echo "make bundled needs DATA=PATHS and HELD_OUT=PATHS" >&2; exit 2; }
	@exec $(BIN)/python -m workers.make.bundled "$(DATA)" "$(HELD_OUT)"
