# Two commands do all the set-up: `make demo` and `make test`. Both need only Python (3.11 or newer) and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint clean

demo: .venv/demo.stamp  ## the main job on a bundled graph
	$(BIN)/graphembed link-prediction lesmis

test: .venv/test.stamp lint  ## lint, types, tests, doctests, examples
	$(BIN)/python -m pytest -n 2

lint: .venv/test.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.venv/bin/python:
	$(PYTHON) -m venv .venv

# torch first: it then satisfies everything that needs it, and a CPU build found by pip is kept.
.venv/demo.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

.venv/test.stamp: .venv/demo.stamp
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -exec rm -rf {} +
