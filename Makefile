# make demo                 install into .venv and classify the demo scene
# make demo SOURCE=0        ... a webcam;  SOURCE="my clip.mp4"  ... a file
# make test                 install into .venv-test and run every check
# make format | clean | lock
#
# PYTHON=/path/to/python3.12 chooses the interpreter; the first of python3.13, python3.12,
# python3.11 and python3 that is 3.11 to 3.13 by default.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test format clean lock FORCE

SOURCE ?= demo:
PYTHON ?=
export SOURCE PYTHON

VENV := .venv
TEST_VENV := .venv-test
PINNED := requirements/build.txt requirements/setup.sh pyproject.toml
TEST_BIN := $(TEST_VENV)/bin

# The guard works in processes of its own: its tests run a second time, with these counted.
GUARD_COVERAGE := tests/guard_coverage.toml
GUARD_TESTS := $(addprefix tests/edge/test_,guard.py guard_handover.py guard_last_resorts.py pins.py)
GUARD_AND_DECISION := edge/guard/*,edge/decision.py,edge/evidence.py,edge/responder.py,edge/rules.py,edge/schedule.py,edge/voting.py

# Set up again what was moved here, has lost its Python, or shall get a certain one.
stale = $(if $(PYTHON),FORCE,$(shell test -x $(1)/bin/python && \
	grep -qsF '$(CURDIR)/$(1)' $(1)/bin/activate || echo FORCE))

demo: $(VENV)/installed
	@$(VENV)/bin/edge run --source "$$SOURCE"

test: $(TEST_VENV)/installed
	$(TEST_BIN)/ruff format --check .
	$(TEST_BIN)/ruff check .
	$(TEST_BIN)/mypy
	$(TEST_BIN)/lint-imports
	$(TEST_BIN)/coverage erase --rcfile=$(GUARD_COVERAGE)
	$(TEST_BIN)/coverage run -m pytest
	$(TEST_BIN)/coverage run --rcfile=$(GUARD_COVERAGE) -m pytest $(GUARD_TESTS)
	$(TEST_BIN)/coverage combine --quiet --append
	$(TEST_BIN)/coverage report
	$(TEST_BIN)/coverage report --include='$(GUARD_AND_DECISION)' --no-skip-covered

format: $(TEST_VENV)/installed
	$(TEST_BIN)/ruff format .
	$(TEST_BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(TEST_VENV) build dist htmlcov .coverage .coverage.* .cache \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

lock:
	requirements/lock.sh

$(VENV)/installed: requirements/runtime.txt requirements/demo.txt $(PINNED) $(call stale,$(VENV))
	@requirements/setup.sh $(VENV) requirements/runtime.txt requirements/demo.txt
	@touch $@

$(TEST_VENV)/installed: requirements/test.txt requirements/demo.txt $(PINNED) $(call stale,$(TEST_VENV))
	@requirements/setup.sh $(TEST_VENV) requirements/test.txt requirements/demo.txt
	@touch $@
