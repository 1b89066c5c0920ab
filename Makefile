# Two commands: `make run` does the main job, `make test` passes the tests. Both set up what they need.
.DELETE_ON_ERROR:
.PHONY: run test install lint golden bench clean

VENV := .venv
PY := $(VENV)/bin/python

# Version managers leave shims on the path that only pretend to be a Python: execute each candidate.
BASE = $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
  if $$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; then echo $$p; break; fi; done)

run: $(VENV)/installed
	$(VENV)/bin/simedge run policy=camera_only,centralized,videoedge_l,distream --out runs

test: $(VENV)/tested
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -n 2 -m "not slow"

lint: $(VENV)/tested
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m mypy

bench: $(VENV)/tested
	$(PY) -m benchmarks.speed

# Golden runs are renewed only by asking for it; say why in the commit.
golden: $(VENV)/tested
	$(PY) -m pytest tests/golden --update-golden

$(VENV)/bin/python:
	@test -n "$(BASE)" || { echo "simedge needs Python 3.11, 3.12 or 3.13 with venv on the PATH" >&2; exit 2; }
	$(BASE) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sweep]'
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,learn,onnx]'
	@touch $@

clean:
	rm -rf $(VENV) runs dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
