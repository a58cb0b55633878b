# Every target does its own set-up: only Python >= 3.11, make and pip are wanted.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export JAX_PLATFORMS ?= cpu

.PHONY: help demo test lint format docs bench clean

help:
	@echo "make demo    run the shipped station and print the path of its report"
	@echo "make test    run all tests"
	@echo "make lint    formatting, lint, types, layers"
	@echo "make docs    build the documentation into docs/_build/html"
	@echo "make bench   run the benchmarks and write docs/benchmarks.md"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is wanted, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/rootzone demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

bench: $(STAMP)
	$(BIN)/python benchmarks/cosmic.py
	$(BIN)/python benchmarks/station.py
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf $(VENV) docs/_build docs/api docs/generated
