# Every task has a name here, and what it does stands in scripts/. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help demo demo-check test test-all bench fmt

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## store a film on eight nodes, kill three, play it, show it for money; stays up
	@scripts/demo.sh

demo-check: ## the same, and exit
	@scripts/demo.sh --check

test: ## what CI runs: format, lints, all tests, outside checkers
	@scripts/test.sh

test-all: ## the long tier: more seeds, more kills, longer fuzzing
	@scripts/test.sh --all

bench: ## measure the gateway, publications and the page beside nginx, ffmpeg and the raw limits
	@scripts/bench.sh

fmt: ## format the code
	@cargo fmt --all
