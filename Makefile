# `make run` and `make test` do all their own set-up; `make help` lists the rest.

PYTHON  ?= python3.11
PROJECT ?= data/starter
PORT    ?= 5005
MINUTES ?= 60

VENV    := .venv
ACTIONS := .venv-actions
VENDORS := .venv-vendors
# Rasa 3.6 and its SDK stop at Python 3.10; only `make peers` and `make conformance` ask for it.
PYTHON310 ?= python3.10
RASA      := .venv-rasa36
ACTIONS36 := .venv-actions36
BIN     := $(VENV)/bin
PARLEY  := PARLEY_ACTIONS_PYTHON=$(CURDIR)/$(ACTIONS)/bin/python $(BIN)/parley
export HF_HUB_OFFLINE ?= 1

.PHONY: help run train test chaos fuzz load conformance peers check lint format sbom wheel audit bench setup setup-test clean
.DEFAULT_GOAL := help

help:  ## what there is
	@echo "make TARGET [PROJECT=folder] [PORT=number]"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: setup  ## train if needed, then serve PROJECT on PORT with a chat page
	@exec env $(PARLEY) run --train --project '$(PROJECT)' --port '$(PORT)'

train: setup  ## train PROJECT if it or its recipe changed
	@$(PARLEY) train --project '$(PROJECT)'

test: setup-test  ## every test, against real services and a real browser
	@$(PARLEY) train --quiet --project data/starter
	@$(BIN)/python -m pytest

fuzz: setup-test  ## every route and parser against inputs made up for MINUTES (60)
	@PARLEY_FUZZ_S=$$(( $(MINUTES) * 60 )) PARLEY_FUZZ_SEED=$${PARLEY_FUZZ_SEED:-$$(date +%s)} \
	  $(BIN)/python -m pytest tests/fuzz --timeout 0

chaos: setup-test  ## servers, databases and wires die for half an hour and nothing is lost; long
	@$(BIN)/python -m tests.live.chaos --minutes $(or $(MINUTES),30)

conformance: setup-test $(if $(shell $(PYTHON310) --version 2>/dev/null),$(ACTIONS36)/.installed)  ## every recording of Rasa, every project, every peer at hand; long
	@env $(if $(wildcard $(RASA)/bin/rasa),PARLEY_RASA=$(CURDIR)/$(RASA)/bin/rasa) \
	  $(BIN)/python -m pytest tests/conformance

peers: $(RASA)/.installed $(ACTIONS36)/.installed  ## a real Rasa 3.6 and rasa-sdk 3.6, to compare with (3 GB, PYTHON310)

check: lint  ## format, lint, types, import rules, fast tests
	@$(BIN)/python -m pytest tests/unit tests/contract -q

lint: setup-test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-test  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

load: setup-test  ## a real server at four fifths and three times of its maximum, for SECONDS (900)
	@$(PARLEY) train --quiet --project data/starter
	@$(BIN)/python -m tests.load --steady $(or $(SECONDS),900) --workers $(or $(WORKERS),1)

sbom: setup  ## the bill of materials, CycloneDX: build/parley.cdx.json
	@$(BIN)/python tests/supply/sbom.py build/parley.cdx.json

wheel: sbom setup-test  ## a wheel in dist, the bill of materials in it
	@$(BIN)/python -m build --wheel --no-isolation

audit: setup  ## ask OSV what is known against the pinned versions; 2: it cannot be reached
	@$(BIN)/python tests/supply/advisories.py

bench: setup-test  ## measure; prints one JSON line for each benchmark
	@$(PARLEY) train --quiet --project data/starter
	@for script in $(filter-out tests/bench/line.py,$(wildcard tests/bench/*.py)); do $(BIN)/python $$script || exit 1; done

setup: $(VENV)/.installed $(ACTIONS)/.installed
setup-test: setup $(VENV)/.installed-test $(VENDORS)/.installed

clean:  ## remove the environments, conversations and trained models
	rm -rf $(VENV) $(ACTIONS) $(VENDORS) $(ACTIONS36) $(RASA) .parley data/starter/models data/starter/.shop build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- environments ---------------------------------------------------------------------------

# $(call venv,FOLDER): a virtual environment, or one sentence about what is missing.
define venv
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Parley needs Python 3.11: install it (Debian: apt-get install python3.11 python3.11-venv)," \
	       "or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is incomplete: apt-get install python3.11-venv" >&2; exit 1; }
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
endef

# $(call install,WHAT,COMMAND): quiet, unless it fails; then its last line and what to do.
define install
	@echo "Installing $(1) ..."
	@log=$$(mktemp); $(2) >$$log 2>&1 || { \
	  echo "Could not install $(1). Is there a network? The installer said: $$(tail -n 1 $$log)" >&2; \
	  rm -f $$log; exit 1; }; rm -f $$log
endef

PIP := $(BIN)/python -m pip --disable-pip-version-check --retries 1 install
# Compiled once: where Python may not write byte code, each start would compile all it imports.
UV  := $(BIN)/uv pip install --compile-bytecode --python

$(VENV)/.installed: pyproject.toml constraints.txt
	$(call venv,$(VENV))
	$(call install,the installer,$(PIP) 'uv>=0.13')
	$(call install,PyTorch,$(PIP) -c constraints.txt torch)
	$(call install,Parley,$(UV) $(BIN)/python -c constraints.txt -e '.[postgres$(comma)embedded$(comma)train]')
	@$(BIN)/python -m compileall -q bot nlu training
	@touch $@

$(ACTIONS)/.installed: constraints-actions.txt $(VENV)/.installed
	$(call venv,$(ACTIONS))
	$(call install,the action server,$(UV) $(ACTIONS)/bin/python -c constraints-actions.txt rasa-sdk sqlalchemy)
	@touch $@

# Vendors' own SDKs, which speak with our channels in the tests.
$(VENDORS)/.installed: constraints-vendors.txt $(VENV)/.installed
	$(call venv,$(VENDORS))
	$(call install,the vendors' SDKs,$(UV) $(VENDORS)/bin/python -c constraints-vendors.txt aiogram)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(call install,the test tools,$(UV) $(BIN)/python -c constraints.txt -e . --group test --group lint)
	@command -v chromium >/dev/null || test -n "$$PARLEY_CHROMIUM" || { \
	  test "$$(id -u)" = 0 || { echo "The browser tests need Chromium: apt-get install chromium," \
	    "or name one in PARLEY_CHROMIUM" >&2; exit 1; }; \
	  echo "Installing Chromium ..."; \
	  { apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 \
	    || { echo "Could not install Chromium: apt-get install chromium failed" >&2; exit 1; }; }
	@touch $@

$(ACTIONS36)/.installed: $(VENV)/.installed
	@$(PYTHON310) -m venv $(ACTIONS36)
	$(call install,rasa-sdk 3.6,$(UV) $(ACTIONS36)/bin/python rasa-sdk==3.6.2 'setuptools<80')
	@touch $@

$(RASA)/.installed: $(VENV)/.installed
	@$(PYTHON310) -m venv $(RASA)
	$(call install,Rasa 3.6,$(UV) $(RASA)/bin/python rasa==3.6.21 'setuptools<80')
	@touch $@

comma := ,
