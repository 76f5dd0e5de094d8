# Two commands do everything, set-up included: `make demo` and `make test`.
SHELL := bash
.SHELLFLAGS := -o pipefail -ec
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FULL := $(VENV)/.full

.PHONY: demo ui test soak check lint bench lock clean

demo: $(READY)  ## sweep on drawn faces, and say what was best and where to look
	$(BIN)/ferlab sweep quickstart

ui: $(READY)  ## open the MLflow UI on 127.0.0.1
	$(BIN)/ferlab ui

test: $(FULL)  ## run the tests
	$(BIN)/pytest

soak: $(FULL)  ## kill sweeps before each of their writes, and a thousand times by chance; hours
	FERLAB_SOAK=1 $(BIN)/pytest tests/sweep/test_every_write.py tests/sweep/test_kills.py

check: lint  ## style, types and the tests that start no sweep, training or server
	$(BIN)/pytest -m "not slow"

lint: $(FULL)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(FULL)  ## measure what the README's performance section says; about ten minutes
	$(BIN)/python -m benchmarks

# A line for every twentieth package: each has its own in pip's words, and --quiet says nothing.
install = $(BIN)/pip install --disable-pip-version-check --requirement $< | awk \
	'/^Collecting/ && ++n % 20 == 0 {print "  " n " packages are here"; fflush()} \
	 /^Installing/ {print "  unpacking"; fflush()}'

$(READY): requirements.lock pyproject.toml  # what a sweep needs
	@echo "installing $$(grep -c == $<) packages into $(VENV), 1.9 GB unpacked: two to four minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(install)
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(FULL): requirements-full.lock $(READY)  # launchers, databases and test tools as well
	@echo "installing what tests need besides, 0.4 GB unpacked: about a minute"
	@$(install)
	@touch $@

PINNED := --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-options --no-header

lock: $(FULL)  ## pin anew what pyproject.toml asks for
	$(BIN)/pip-compile $(PINNED) --upgrade --all-extras --output-file requirements-full.lock pyproject.toml
	$(BIN)/pip-compile $(PINNED) --extra build --constraint requirements-full.lock \
		--output-file requirements.lock pyproject.toml
	sed -i.bak -e 's/+cpu$$//' -e "s/^pgserver==[^ ]*$$/& ; $(PGSERVER)/" requirements*.lock
	rm requirements*.lock.bak

# pip-compile leaves out a condition that holds where it runs.
PGSERVER := platform_machine == 'x86_64' or sys_platform == 'darwin'

clean:
	rm -rf $(VENV)
