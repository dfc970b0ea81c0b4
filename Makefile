# SPDX-License-Identifier: BSD-2-Clause
# `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help demo test check unit fmt bench bare lock dist clean

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --numprocesses auto

demo: ## create a project, build it, boot a kernel in a VM and show its event
	@tools/demo.sh

test: check ## install what the tests need, then run every check and test
	@tools/setup.sh develop
	$(PYTEST) --dist loadgroup tests

check: ## check format, types, imports, dead code and shell scripts (seconds)
	@tools/setup.sh check
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/vulture
	$(BIN)/shellcheck .ci/run $$(git ls-files '*.sh' ':!templates')

unit: ## run the tests that need only Python and git (half a minute)
	@tools/setup.sh check
	$(PYTEST) --quiet tests/unit

fmt: ## format the Python sources
	@tools/setup.sh check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## measure rendering and VM runs against other tools; PART=start measures one part
	@tools/setup.sh bench
	$(BIN)/python -m tools.bench $(PART)

SUITE ?= trixie
bare: ## run `make T` in an empty Debian system (T=demo SUITE=trixie); needs root
	@tools/bare-root.sh $(SUITE) make $(or $(T),demo)

lock: ## update the lock files after a change of pyproject.toml; UPGRADE=1 takes newer versions
	@tools/setup.sh release
	@tools/lock.sh $(if $(UPGRADE),--upgrade)

dist: ## build the packages for a release
	@tools/setup.sh release
	rm -rf dist
	build/uv/bin/uv build --build-constraints requirements-dev.lock --require-hashes

clean: ## remove what the other targets created, except the caches in ~/.cache
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## list the targets
	@echo 'make TARGET, where TARGET is'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 10
