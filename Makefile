# Every target makes its own virtual environment and installs what it needs.
# `make demo` and `make test` are all a fresh machine has to run.

PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

# For example: make test INSTALL_FLAGS=-Csetup-args=-Dext=enabled
INSTALL_FLAGS ?=
PYTEST_FLAGS ?=

PACKAGE_FILES := pyproject.toml meson.build meson.options \
	$(shell find quiver -type f -not -path '*/__pycache__/*')

# One stamp per set of extras: reinstalls after any change of the package.
DEMO := $(VENV)/.installed-demo
TEST := $(VENV)/.installed-test
LINT := $(VENV)/.installed-lint
DOCS := $(VENV)/.installed-docs
BENCH := $(VENV)/.installed-bench
PEERS := $(VENV)/.installed-peers

# For example: make bench BENCH_FLAGS="--data vectors.npy --metric euclidean"
BENCH_FLAGS ?=

.PHONY: demo test lint bench compare clean

demo: $(DEMO)
	$(BIN)/quiver demo

test: $(TEST)
	$(BIN)/pytest $(PYTEST_FLAGS)

lint: $(LINT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Peers pin old releases of what quiver shares with them, hence a second environment.
bench:
	$(MAKE) VENV=$(VENV)-peers compare

compare: $(PEERS) tools/peers/libraries.txt
	while read -r library; do \
		$(BIN)/python -m pip install --quiet $$library \
			|| echo "not installed: $$library"; \
	done < tools/peers/libraries.txt
	PYTHONPATH=tools $(BIN)/python -P -m peers $(BENCH_FLAGS)

$(DEMO): EXTRAS := numba,cli
$(TEST): EXTRAS := numba,cli,io,plot,test
$(LINT): EXTRAS := numba,cli,io,plot,test,lint
$(DOCS): EXTRAS := numba,cli,io,plot,test,docs
$(BENCH): EXTRAS := numba,cli,plot,bench
$(PEERS): EXTRAS := numba,io,plot

$(VENV)/.installed-%: $(PACKAGE_FILES) | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet $(INSTALL_FLAGS) '.[$(EXTRAS)]'
	touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist
