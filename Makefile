# From nothing but Python >= 3.11, make and git. The environment lives in .venv; it is created on
# first use and refreshed only when pyproject.toml or constraints.txt changed.

PYTHON ?= python3
PORT   ?= 5006
JOBS   ?= 3

PY    := .venv/bin/python
PIP   := $(PY) -m pip --disable-pip-version-check
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)

.PHONY: help lab monitor test test-all mutate figures bench lint browser fashion clean
.DEFAULT_GOAL := help

help:
	@echo "make lab        serve the lab and the figures on this machine and print their addresses"
	@echo "make monitor    serve image runs side by side, live (RUNS=\"runs\": runs, or folders of runs)"
	@echo "make test       run the tests, browser tests included (some 18 minutes on 2 cores)"
	@echo "make test-all   the same with the tests that take minutes each"
	@echo "make mutate     break every formula in turn and print the test that notices"
	@echo "make figures    make every figure that is not there yet (ARGS=NAME for some)"
	@echo "make bench      measure against plain PyTorch loops"
	@echo "make lint       ruff: rules and format"
	@echo "make clean      remove the environment and the caches"
	@echo
	@echo "PORT=5006       the first port make lab tries"
	@echo "WITH=mine.py    a file of your own, whose penalties and other rows make lab shows too"
	@echo "PYTHON=python3  the Python (3.11 or newer) that makes the environment"
	@echo "ARGS=...        passed on to pytest, mutate, figures, bench"
	@echo "TORCH_INDEX=... where pip gets torch, and torch alone, when the environment is made."
	@echo "                On Linux pip's usual torch is built for CUDA: several GB. Without a GPU"
	@echo "                name an index of CPU builds instead; PyTorch's installation page has it"
	@echo "                (Linux, Pip, CPU: the address after --index-url):"
	@echo "                make clean lab TORCH_INDEX=<that address>"

lab: .venv/app
	@case "$$(uname):$$DISPLAY$$WAYLAND_DISPLAY" in Darwin:*|*:?*) show=--show;; *) show=;; esac && \
	exec $(PY) -m toylab.lab --port $(PORT) $(if $(WITH),--with "$(WITH)") $$show

monitor: .venv/app
	@case "$$(uname):$$DISPLAY$$WAYLAND_DISPLAY" in Darwin:*|*:?*) show=--show;; *) show=;; esac && \
	exec $(PY) -m toylab.lab --port $(PORT) $$show --runs $(or $(RUNS),runs)

test: .venv/test browser fashion
	$(PY) -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

test-all: .venv/test browser fashion
	$(PY) -m pytest -n $(JOBS) --dist loadgroup -m "" $(ARGS)

mutate: .venv/test
	$(PY) -m tests.mutate $(ARGS)

figures: .venv/app
	$(PY) -m toylab.figures run $(or $(ARGS),all)

bench: .venv/test
	$(PY) -m toylab.bench $(ARGS)

lint: .venv/test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

clean:
	rm -rf .venv build dist test-results .pytest_cache .hypothesis .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Chromium for the browser tests: one on the PATH, else Playwright's, else the system's. Without
# any the suite still runs, and the browser tests fail with the reason.
browser: .venv/test
	@find="$(PY) tests/browser/conftest.py"; \
	$$find \
	|| { $(PY) -m playwright install chromium && $$find; } \
	|| { [ "$$(id -u)" = 0 ] && apt-get -q update && \
	     DEBIAN_FRONTEND=noninteractive apt-get -q install -y chromium && $$find; } \
	|| echo "No Chromium could be installed: the browser tests will fail."

# The images that Debian packages, for the tests that train on them; without them those are skipped.
fashion:
	@[ -d /usr/share/datasets/fashion-mnist ] \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -q update && \
	     DEBIAN_FRONTEND=noninteractive apt-get -q install -y dataset-fashion-mnist; } \
	|| echo "Without Debian's dataset-fashion-mnist the tests on Fashion-MNIST are skipped."

# Torch comes first and alone, so that nothing else decides which build of it is installed. The
# stamp holds its version; what is installed later must leave it as it is.
.venv/torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "toylab needs Python 3.11 or newer, got $$($(PYTHON) --version 2>&1): name one with PYTHON=..."; \
	exit 1; }
	$(PYTHON) -m venv .venv
	@[ -n "$(TORCH_INDEX)" ] || [ "$$(uname)" != Linux ] || command -v nvidia-smi >/dev/null || \
	echo "No GPU here. Should a CUDA build of torch (several GB) come now, see make help: TORCH_INDEX."
	$(PIP) install "torch==$(TORCH)" $(if $(TORCH_INDEX),--index-url "$(TORCH_INDEX)")
	@$(INSTALLED_TORCH) > $@.found && mv $@.found $@

.venv/app: .venv/torch pyproject.toml
	$(PIP) install --quiet -c constraints.txt -e ".[app,figures,image]"
	@$(SAME_TORCH)
	@touch $@

.venv/test: .venv/torch pyproject.toml
	$(PIP) install --quiet -c constraints.txt -e ".[app,figures,image,sweep,test]"
	@$(SAME_TORCH)
	@touch .venv/app $@

INSTALLED_TORCH = $(PY) -c 'from importlib.metadata import distributions; \
	print(*(found.version for found in distributions(name="torch")))'

SAME_TORCH = found=$$($(INSTALLED_TORCH)); first=$$(cat .venv/torch); \
	[ "$$found" = "$$first" ] || { rm -f .venv/torch; \
	echo "pip replaced torch $$first by $$found; a second torch is never right: make clean"; exit 1; }
