# Two commands do everything, set-up included: `make demo` and `make test`.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo ui test check lint bench lock clean

demo: $(READY)  ## sweep on drawn faces, and say what was best and where to look
	$(BIN)/ferlab sweep quickstart
	@echo "browse   make ui"

ui: $(READY)  ## open the MLflow UI on 127.0.0.1
	$(BIN)/ferlab ui

test: $(READY)  ## run the tests
	$(BIN)/pytest

check: lint  ## style, types and the tests that start no sweep, training or server
	$(BIN)/pytest -m "not slow"

lint: $(READY)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY)  ## measure what the README's performance section says; about ten minutes
	$(BIN)/python -m benchmarks

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock: $(READY)  ## pin anew what pyproject.toml asks for
	$(BIN)/pip-compile --quiet --upgrade --all-extras --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-options --no-header --output-file requirements.lock pyproject.toml
	sed -i.bak 's/+cpu$$//' requirements.lock && rm requirements.lock.bak

clean:
	rm -rf $(VENV)
