# SPDX-License-Identifier: BSD-2-Clause
# `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt bench bare lock dist clean

demo: ## make a project, build it, boot a kernel and see its event
	@tools/demo.sh

test: lint ## set up, then check and test everything
	.venv/bin/python -m pytest --numprocesses auto --dist loadgroup tests

lint: ## check the format, the types and the scripts
	@tools/setup.sh develop
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	shellcheck .ci/run $$(git ls-files '*.sh' ':!templates')

fmt: ## format the Python sources
	@tools/setup.sh develop
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: ## measure rendering and VM runs against what else there is; PART=start measures a part
	@tools/setup.sh bench
	.venv/bin/python -m tools.bench $(PART)

SUITE ?= trixie
bare: ## run `make T` in a bare Debian root (T=demo SUITE=trixie); needs root
	@tools/bare-root.sh $(SUITE) make $(or $(T),demo)

lock: ## renew the lock files after a change of pyproject.toml; UPGRADE=1 takes newer versions of all
	@tools/setup.sh release
	@tools/lock.sh $(if $(UPGRADE),--upgrade)

dist: ## build the packages that are published
	@tools/setup.sh release
	rm -rf dist
	build/uv/bin/uv build --build-constraints requirements-dev.lock --require-hashes

clean: ## remove what the other targets made, the caches in ~/.cache excepted
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## list the targets
	@echo 'make TARGET, where TARGET is'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 10
