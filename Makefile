# Two commands on a bare machine: `make run` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help run test check format clean

help:            ## show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@ $(VENV)/run.stamp

run: $(VENV)/run.stamp    ## read the sample corpus into out/quickstart
	$(BIN)/pagemill build configs/quickstart.yaml

test: $(VENV)/dev.stamp   ## the whole default suite
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp  ## format, lint, types, import rules, README tree; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py

format: $(VENV)/dev.stamp ## rewrite the files the way `check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:           ## remove the environment and what was built
	rm -rf $(VENV) out build *.egg-info
