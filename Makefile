# Every command that a contributor or CI runs. `make help` lists them.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
  --no-annotate

# Compiling what is imported anew in each process would be a tenth of the tests' time.
unexport PYTHONDONTWRITEBYTECODE

# As long as all other tests of the API together.
GENERATED := tests/api/test_generated_requests.py

# Begun first, so that it does not run alone at the end.
LONGEST := tests/chaos/test_storm.py

.PHONY: help up install test check lint types contracts unit api integration fuzz e2e ui ui-check docs wheel lock sbom bench test-vllm clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

up: ## start everything on this machine
	./hortus up

install: $(VENV)/.development ## the environment with the development tools

$(VENV)/.development: pyproject.toml deploy/locks/development.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/locks/installer.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r deploy/locks/development.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

test: install ## everything CI runs: lint, types, contracts, all tests
	$(MAKE) check ui ui-check unit integration e2e

check: lint types contracts ## what needs no service

lint: install ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

contracts: install ## directions of imports, sizes, documentation of settings, commands, routes, events
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture

unit: install ## unit and API tests
	$(BIN)/pytest -q -n 2 tests/unit tests/migrations tests/api --ignore=$(GENERATED)

integration: install ## generated requests; several processes over the real embedded services
	$(BIN)/pytest -q -n 2 $(GENERATED)
	$(BIN)/pytest -q tests/conformance
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(LONGEST) tests/chaos tests/integration

fuzz: install ## generated requests and chains of them, for minutes and from another seed each time
	HORTUS_FUZZ_EXAMPLES=$${HORTUS_FUZZ_EXAMPLES:-150} $(BIN)/pytest -q -n 2 --timeout 3600 $(GENERATED)

e2e: install ## the main job with the real CPU model; then the admin UI in a browser beside the documentation's commands
	$(BIN)/pytest -q tests/e2e/test_main_job.py
	$(BIN)/pytest -q -n 2 --dist loadfile tests/e2e/ui tests/e2e/docs

test-vllm: install ## the main job against a real vLLM (see docs/guides/vllm.md)
	$(BIN)/pytest -q -m vllm tests/vllm

# Not `npm ci`: it demands the packages of every platform, which a mirror for one platform lacks; the lock pins anyway.
ui: ## build the admin UI into the package
	cd server/ui && npm install --no-save --no-audit --no-fund && npm run build

ui-check: ui ## types, lint, size and unit tests of the admin UI
	cd server/ui && npm run check

docs: install ## write the reference pages from the code
	$(BIN)/python docs/generator

wheel: ui install ## one wheel with all three packages and the UI
	$(BIN)/uv build --wheel --no-build-isolation --python $(BIN)/python

bench: install ## the benchmarks; each prints a table and writes bench/results/
	$(BIN)/python -m bench

sbom: install ## a bill of materials of all that is shipped, from the locks
	mkdir -p dist
	$(BIN)/python deploy/sbom.py > dist/sbom.json

lock: ## pin the dependencies again
	$(LOCK) --group pyproject.toml:installer -o deploy/locks/installer.txt
	$(LOCK) pyproject.toml --group build -o deploy/locks/runtime.txt
	$(LOCK) pyproject.toml --group build --group dev --group otel -o deploy/locks/development.txt

clean: ## remove what was built
	rm -rf dist build $(VENV) server/ui/node_modules server/hortus_server/static/assets server/hortus_server/static/index.html
