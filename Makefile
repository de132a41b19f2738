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
# One process a core; one that runs out of tests takes over some of another's.
SPREAD ?= -n auto --maxprocesses 8 --dist worksteal
FUZZ_SECONDS ?= 600

PACKAGE_FILES := pyproject.toml meson.build meson.options \
	$(shell find quiver -type f -not -path '*/__pycache__/*')

# One stamp per set of extras: reinstalls after any change of the package.
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev
PEERS := $(VENV)/.installed-peers
ECOSYSTEM := $(VENV)/.installed-ecosystem

# For example: make bench BENCH_FLAGS="--data vectors.npy --metric euclidean"
BENCH_FLAGS ?=
BOUNDARY_FLAGS ?=

.PHONY: demo test test-all lint docs gate asv boundary faults soak fuzz sanitize bench compare ecosystem suites clean

demo: $(DEMO)
	$(BIN)/quiver demo

# The whole contract on small inputs: minutes, the first time with Numba's compiling.
test: $(DEV)
	$(BIN)/pytest $(SPREAD) $(PYTEST_FLAGS)

# The same and what is marked slow.
test-all: $(DEV)
	$(BIN)/pytest --slow $(SPREAD) $(PYTEST_FLAGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DEV)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# Recall, counters and bytes exactly, kernel instructions within 2 %, as committed.
gate: $(DEV)
	$(BIN)/python tools/gate.py

# One quick pass of the benchmarks, kept as results of this commit in .asv/html.
ASV_FLAGS ?= --quick
asv: $(DEV)
	$(BIN)/asv machine --yes --config asv_bench/asv.conf.json
	$(BIN)/asv check --config asv_bench/asv.conf.json --python=same
	$(BIN)/asv run --config asv_bench/asv.conf.json --python=same \
		--set-commit-hash=$$(git rev-parse HEAD) $(ASV_FLAGS)
	$(BIN)/asv publish --config asv_bench/asv.conf.json

# Seventeen kinds of data, measured anew: docs/boundary.md and its plot. For example:
# make boundary BOUNDARY_FLAGS="--rows 1000000 --only text-384 sift-like"
boundary: $(DEV)
	$(BIN)/python -m pip install --quiet hnswlib || echo "not installed: hnswlib"
	PYTHONPATH=tools $(BIN)/python -P -m boundary $(BOUNDARY_FLAGS)

# What `make test-all` runs bounded, at full length, beside libraries with their own threads.
faults: $(DEV)
	$(BIN)/python -m pip install --quiet joblib scikit-learn faiss-cpu
	QUIVER_FAULT_SCALE=20 $(BIN)/pytest --slow $(PYTEST_FLAGS) tests/storage \
		tests/check/test_check.py tests/test_faults_memory.py tests/test_processes.py

# Eight readers beside a writer for so long under each metric, then every answer proven.
SOAK_SECONDS ?= 300
soak: $(DEV)
	for metric in cosine euclidean inner_product; do \
		$(BIN)/python -P tools/soak_readers.py $(SOAK_SECONDS) --metric $$metric \
			|| exit 1; \
	done

fuzz: $(DEV)
	$(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -P tools/fuzz_loader.py build/fuzz-corpus \
		-max_total_time=$(FUZZ_SECONDS)

# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer; needs GCC.
sanitize: $(DEV)
	$(BIN)/python -m pip install --quiet --upgrade --no-deps --target build/sanitized \
		-Csetup-args=-Dext=enabled -Csetup-args=-Db_lundef=false \
		-Csetup-args=-Db_sanitize=address,undefined \
		-Csetup-args=-Dc_args=-fno-sanitize-recover=all .
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=build/sanitized \
		$(BIN)/pytest $(PYTEST_FLAGS) -k cython tests/backends/test_oracle_equality.py \
		tests/backends/test_golden.py tests/storage/test_invariants.py

# Peers pin old releases of what quiver shares with them, hence a second environment.
bench:
	$(MAKE) VENV=$(VENV)-peers compare

compare: $(PEERS) tools/peers/libraries.txt
	while read -r library; do \
		$(BIN)/python -m pip install --quiet $$library \
			|| echo "not installed: $$library"; \
	done < tools/peers/libraries.txt
	PYTHONPATH=tools $(BIN)/python -P -m peers $(BENCH_FLAGS)

# Other projects' suites and the gallery, in an environment that has what they need.
ecosystem:
	$(MAKE) VENV=$(VENV)-ecosystem suites

suites: $(ECOSYSTEM)
	for packages in "umap-learn pandas" scanpy "polars duckdb safetensors" \
			langchain-tests "haystack-ai llama-index-core"; do \
		$(BIN)/python -m pip install --quiet $$packages \
			|| echo "not installed: $$packages"; \
	done
	$(BIN)/pytest $(SPREAD) $(PYTEST_FLAGS) tests/integrations tests/readers
	$(BIN)/pytest $(PYTEST_FLAGS) tests/test_docs_examples.py \
		-k "sklearn or langchain or haystack or llamaindex"
	QUIVER_PEER_SOURCES=build/peers $(BIN)/pytest $(PYTEST_FLAGS) \
		tests/peer_suites/test_unchanged.py

$(DEMO): EXTRAS := numba,cli
$(DEV): EXTRAS := numba,cli,io,serve,plot,test,bench,docs,lint
$(PEERS): EXTRAS := numba,io,plot
$(ECOSYSTEM): EXTRAS := sklearn,io,zarr,plot,test

$(VENV)/.installed-%: $(PACKAGE_FILES) | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet $(INSTALL_FLAGS) '.[$(EXTRAS)]'
	touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist
