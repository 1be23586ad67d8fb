# make run    the main job on the model inside the package (plain install, no torch)
# make test   the whole test suite (with torch and the libraries that serve as oracles)
# make test-transformers4  what is written for transformers, opened by the last one before 5
# make test-tensorflow  what is written for TensorFlow and Keras, opened by them
# make check  format, lint, types and floors
# make bench  speed beside the peers: make bench LINES=file.txt (minutes)

PYTHON ?= python3
SHELL := /bin/bash
.DEFAULT_GOAL := help

PLAIN := .venvs/plain
DEV := .venvs/dev
TENSORFLOW := .venvs/tensorflow
TRANSFORMERS4 := .venvs/transformers4
PIP := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help run test test-transformers4 test-tensorflow check bench clean

help:
	@sed -n 's/^# make/make/p' $(MAKEFILE_LIST)

run: $(PLAIN)/done
	@$(PLAIN)/bin/albertkit similarity \
		"I like my phone" "My phone is not good." \
		"Recently a lot of hurricanes have hit the US" "Global warming is real" \
		"How old are you?" "what is your age?" --format table
	@$(PLAIN)/bin/albertkit fill-mask \
		"Plants create [MASK] through a process known as photosynthesis." --format table

test: $(DEV)/done
	$(DEV)/bin/python -m pytest

test-transformers4: $(DEV)/done $(TRANSFORMERS4)/done
	PYTHONPATH=$(TRANSFORMERS4) $(DEV)/bin/python -m pytest tests_transformers4

test-tensorflow: $(TENSORFLOW)/done
	$(TENSORFLOW)/bin/python -m pytest tests_tensorflow

check: $(DEV)/done
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

# LINES: a file of English text, one paragraph a line
bench: $(DEV)/done
	@test -n "$(LINES)" || { echo 'Give text to measure on: make bench LINES=file.txt'; exit 2; }
	$(DEV)/bin/python benchmarks/tokenize_throughput.py $(LINES) \
		--model src/albertkit/builtin/small-en/spiece.model --lines 5000
	$(DEV)/bin/python benchmarks/encode_throughput.py --lines $(LINES) --count 3000 --rounds 3 \
		--model src/albertkit/builtin/small-en-vectors
	$(DEV)/bin/python benchmarks/packing.py

clean:
	rm -rf .venvs

$(PLAIN)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python $(PIP) -e .
	@touch $@

# torch first and by itself: the CPU build, never one that brings CUDA along.
$(DEV)/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) torch==2.13.0
	$(DEV)/bin/python $(PIP) -e '.[dev]'
	@touch $@

# A folder of packages, no environment: torch and the rest are those of $(DEV).
$(TRANSFORMERS4)/done: constraints-transformers4.txt $(DEV)/done
	rm -rf $(TRANSFORMERS4)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--target $(TRANSFORMERS4) -r constraints-transformers4.txt
	@touch $@

# --no-deps: the constraints name every package, and say why no resolver would choose these.
$(TENSORFLOW)/done: pyproject.toml constraints-tensorflow.txt
	$(PYTHON) -m venv $(TENSORFLOW)
	$(TENSORFLOW)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		-r constraints-tensorflow.txt -e .
	@touch $@
