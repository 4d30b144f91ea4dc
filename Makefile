# Clement: `make run` to try it, `make test` to prove it, `make help` for the rest.
# Nothing needs to be installed by hand beforehand; everything lands in .venv and var/.

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint format fuzz soak bench evaluate docs bare clean

PYTEST_ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  \033[1mmake %-8s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from uv.lock (the other targets do it themselves)
	@scripts/setup

run: setup ## start Clement on this machine: SMTP 127.0.0.1:2525, page http://127.0.0.1:8025
	@.venv/bin/python -m scripts.run

demo: setup ## send six messages to the running Clement and show each dialogue
	@.venv/bin/python -m scripts.demo

test: setup ## all tests; PYTEST_ARGS='-k name' narrows them
	@scripts/test $(PYTEST_ARGS)

lint: setup ## style, types, architecture
	@scripts/lint

format: setup ## let ruff write the style
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format .

fuzz: setup ## feed protocol core and content reader at random, until Ctrl-C (FUZZ_ARGS)
	@scripts/fuzz $(FUZZ_ARGS)

soak: setup ## SIGKILL under load, 200 times (ROUNDS=n); SQL=1: the database away for a minute
	@ROUNDS='$(ROUNDS)' SQL='$(SQL)' SQLITE='$(SQLITE)' OUTAGE_S='$(OUTAGE_S)' scripts/soak

bench: setup ## Clement beside Postfix and Exim on this machine
	@scripts/bench

evaluate: setup ## let the filter learn the corpora beside the repository: what it loses and misses
	@.venv/bin/python -m scripts.evaluate

docs: setup ## write the command reference and check the links of the pages
	@scripts/build-docs

bare: ## as root: prove `make run` and `make test` in a bare Debian 12
	@scripts/try-bare-debian

clean: ## remove .venv and caches; var/ (your mail) stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
