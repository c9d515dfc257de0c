# Two commands on a bare machine: `make run` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV ?= .venv
VENV_VLLM ?= .venv-vllm
BIN := $(VENV)/bin
BIN_VLLM := $(VENV_VLLM)/bin

# Wheels alone, for the images have no compiler to build with; glibc 2.36 is that of their base.
LOCK := --quiet --generate-hashes --only-binary :all: --no-emit-index-url --no-annotate --custom-compile-command 'make lock' \
    --extra cluster --extra tokens --extra sql
LOCKSTEP := infra/images/lockstep.txt
# Each process has the Ray cluster and the servers that its files need; on two cores 6 minutes each instead of 10 and 11.
IN_TWO := -n 2 --dist loadfile

.PHONY: help run test test-slow test-vllm check format lock clean

help:            ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

# First what the images hold, version by version and hash by hash, then the tools: the tests run on what is shipped.
$(VENV)/dev.stamp: pyproject.toml infra/images/cpu.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r infra/images/cpu.lock
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@ $(VENV)/run.stamp

# 38 MB, once; Linux on x86-64, elsewhere the tests of the chart ask for a `helm` on the PATH.
$(VENV)/helm.stamp: tests/infra/helm.lock tests/infra/fetch_helm.py $(VENV)/dev.stamp
	$(BIN)/python tests/infra/fetch_helm.py $(BIN)/helm
	touch $@

# A wheel that leaves one of its requirements out on purpose is why nothing here resolves: the lock is the whole environment.
$(VENV_VLLM)/vllm.stamp: infra/vllm/cpu.lock infra/vllm/torchvision_cpu_shim.py pyproject.toml tests/vllm/tiny_towers/pyproject.toml
	$(PYTHON) -m venv $(VENV_VLLM)
	$(BIN_VLLM)/python -m pip install --quiet --upgrade pip
	$(BIN_VLLM)/python -m pip install --quiet --no-deps -r infra/vllm/cpu.lock
	$(BIN_VLLM)/python -m pip install --quiet --no-deps -e . -e tests/vllm/tiny_towers
	$(BIN_VLLM)/python infra/vllm/torchvision_cpu_shim.py
	touch $@

run: $(VENV)/run.stamp    ## read the sample corpus into out/quickstart
	$(BIN)/pagemill build configs/quickstart.yaml

test: $(VENV)/dev.stamp $(VENV)/helm.stamp ## the whole default suite
	$(BIN)/python -m pytest $(IN_TWO)

test-slow: $(VENV)/dev.stamp ## what the default suite leaves out, because it takes long; CI runs it
	$(BIN)/python -m pytest -m slow $(IN_TWO)

test-vllm: $(VENV_VLLM)/vllm.stamp ## what needs torch: the real vLLM on the CPU and the readers, in an environment of its own
	OMP_NUM_THREADS=1 $(BIN_VLLM)/python -m pytest tests/vllm tests/readers/test_torch_dataset.py tests/readers/test_distributed.py

check: $(VENV)/dev.stamp  ## format, lint, types, import rules, README tree; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py

format: $(VENV)/dev.stamp ## rewrite the files the way `check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/dev.stamp   ## renew what the images install, where pyproject.toml asks for it; other versions stay
	$(BIN)/python -m pip install --quiet 'uv>=0.13,<0.14'
	$(BIN)/uv pip compile $(LOCK) --universal --python-version 3.11 pyproject.toml --output-file infra/images/cpu.lock
	grep -oE '^(ray|pydantic|pyarrow|boto3)==[^ ]+' infra/images/cpu.lock > $(LOCKSTEP)
	$(BIN)/uv pip compile $(LOCK) --extra gpu --python-platform x86_64-manylinux_2_36 --python-version 3.11 \
	    --constraint $(LOCKSTEP) pyproject.toml --output-file infra/images/gpu.lock

clean:           ## remove the environment and what was built
	rm -rf $(VENV) $(VENV_VLLM) out build dist *.egg-info
