# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
# Where torch comes from: empty for the usual package index, else the address of another, such as one of CPU builds.
TORCH_INDEX ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-slow mutations fuzz test-browser train-smoke train-tiny train-vasa gpu-checks lint typecheck format docs wheel clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  %-14s %s\n", $$1, $$2}'

demo: $(READY)  ## a video of an astronaut in out/demo.mp4, with a contact sheet beside it
	$(BIN)/python examples/demo.py --out out

test: $(READY)  ## the tests but for the slow ones, two at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser" $(PYTEST)

test-slow: $(READY)  ## those that take more than about ten seconds each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow and not browser" $(PYTEST)

mutations: $(READY)  ## the method broken in one way after another, each noticed by a test; MUTATIONS="ui motion" for some
	$(BIN)/python tests/mutate.py $(MUTATIONS)

fuzz: $(READY)  ## 500 bent files through the commands and the page, ten minutes; FUZZ="--seed 3" says otherwise
	$(BIN)/python tests/fuzz.py $(FUZZ)

test-browser: $(READY)  ## the web page in a headless Chromium, which is installed where there is none
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,browser]'
	chromium=$$(sh tests/browser/browser_setup.sh) && \
	EMO_CHROMIUM=$$chromium OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/browser $(PYTEST)

train-smoke: $(READY)  ## from nothing to a video through every training script, at toy size, in out/train-smoke
	OMP_NUM_THREADS=1 $(BIN)/python train/emo_tiny.py --toy --out out/train-smoke

train-tiny: $(READY)  ## the weights of emo-tiny, in runs/tiny; about six hours of two cores, goes on where it was stopped
	OMP_NUM_THREADS=1 $(BIN)/python train/emo_tiny.py

train-vasa: $(READY)  ## motion as that of vasa-mesh, in runs/vasa-tiny/motion/model; about two hours of a core, goes on where it was stopped
	$(BIN)/emo synthesize --tracks --out runs/vasa-tiny/tracks --identities 240 --hours 6 --seconds 10 --test-share 0.04
	OMP_NUM_THREADS=1 $(BIN)/python train/vasa_motion.py --config configs/train/vasa-tiny/motion.yaml \
		data.root=runs/vasa-tiny/tracks --resume latest

gpu-checks: $(READY)  ## what docs/gpu-checks.md waits for, on a GPU, in about half an hour; CHECKS="--rehearse" without one
	$(BIN)/python benchmarks/gpu_checks.py $(CHECKS)

lint: $(READY) typecheck  ## what CI checks before the tests: style, layout, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(READY)  ## pyright over the packages that are clean, a list in pyproject.toml
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

format: $(READY)  ## the style mended where it can be
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## the guides and a reference of the public names as a site, in site/index.html
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

wheel: $(READY)  ## the package to install elsewhere, with the weights, in dist
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python tests/wheel.py dist

clean:  ## all that was made here but for runs/
	rm -rf $(VENV) out build dist site

# Torch comes first and at a pinned version, so that a machine with a build of it at hand takes that one.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)
