# Every target prepares what it needs; `make` alone lists them. Options go in ARGS: make run ARGS="--minutes 10 --seed 3"
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check bench schemas setup servers servers-stop proofs chaos
ARGS ?=
BIN := .venv/bin
LOCKED := uv.lock pyproject.toml tools/prepare.sh
export PYTHON

run: .venv/stamp-run  ## breed strategies on the built-in market data, for about two minutes (ARGS="--help" lists options)
	@$(BIN)/galapagos run $(ARGS)

test: .venv/stamp-all  ## run the tests (ARGS="tests/unit -k genome" picks some)
	@$(BIN)/pytest $(ARGS)

check: .venv/stamp-all  ## style, types, layers, lock file, generated schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/uv lock --check --offline
	$(BIN)/python -m tools.schemas --check

bench: .venv/stamp-all  ## measure speed beside other programs in the same run
	@$(BIN)/galapagos bench all --out benchmarks/out $(ARGS)

schemas: .venv/stamp-all  ## write schemas/ from the event classes
	@$(BIN)/python -m tools.schemas

servers: .venv/stamp-all  ## start Kafka, Redis and ClickHouse on this machine, without Docker (ARGS="--brokers 3")
	@$(BIN)/python -m tools.servers start $(ARGS)

servers-stop: .venv/stamp-all  ## stop what `make servers` started (ARGS="--wipe" drops the data too)
	@$(BIN)/python -m tools.servers stop $(ARGS)

proofs: .venv/stamp-all  ## the slow tests: minutes of real faults on real servers
	@$(BIN)/pytest -m proof $(ARGS)

chaos: .venv/stamp-all  ## break processes and servers for ten minutes, then say what was lost (ARGS="--minutes 3 --seed 7")
	@$(BIN)/python -m tools.chaos $(ARGS)

setup: .venv/stamp-all  ## prepare .venv and nothing else

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.venv/stamp-run: $(LOCKED)
	@tools/prepare.sh run

.venv/stamp-all: $(LOCKED)
	@tools/prepare.sh all
