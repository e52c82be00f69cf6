# One command each; `make repro` and `make test` install what they need first.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
PRESET ?=
DATA_ROOT ?=
AGAIN ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
export OMP_NUM_THREADS ?= 1
# each of the many processes would compile our modules anew
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup repro test test-slow soak lint bench ui cluster-up cluster-down clean

help:  ## what there is to make
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS="|" read -r name text; do printf '%-13s %s\n' "$$name" "$$text"; done

setup: .venv/.installed  ## build .venv from constraints.txt

.venv/.installed: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch  # a CUDA build brings its libraries
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/throughline warm-up  # compiles machine code
	install -d -m 700 .dvc/tmp/site-cache  # DVC's own index lies in a folder that everybody may write, and holds pickles
	$(BIN)/dvc config --local core.site_cache_dir "$(CURDIR)/.dvc/tmp/site-cache"
	touch $@

repro: setup  ## run the pipeline; PRESET=name uses presets/name.yaml, DATA_ROOT=folder is where third-party data sets lie
	@exec $(BIN)/throughline repro $(if $(PRESET),--preset "$(PRESET)" $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)"))

test: setup  ## the fast tests; three processes on two cores, since those with Ray wait a lot
	$(BIN)/python -m pytest -n 3 --dist loadfile $(AGAIN)

test-slow: setup  ## the slow tests, two at a time: whole pipelines wait a lot for processes to start
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder $(AGAIN) $$(grep -rl --include='test_*.py' mark.slow tests)

soak: setup  ## faults at random moments for SOAK_MINUTES (20), into docs/faults.md
	$(BIN)/python -m tests.soak

lint: setup  ## what CI checks before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH= $(BIN)/mypy  # which takes what lies on this path for somebody else's, and says nothing of it

bench: setup  ## our steps beside their peers, on a quiet machine
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/peers.txt
	$(BIN)/python -m benchmarks

ui: setup  ## MLflow's page
	@echo "runs: http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

cluster-up: setup  ## a local Ray head that all stages share
	$(BIN)/throughline cluster up

cluster-down:  ## stop it
	$(BIN)/throughline cluster down

clean:  ## remove what the pipeline made; keeps data/external, the DVC cache, checkpoints and MLflow's store
	rm -rf artifacts dvc_plots
	find data -mindepth 1 -maxdepth 1 ! -name external -exec rm -rf {} +
