# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
# Where torch comes from: empty for the usual package index, else the address of another, such as one of CPU builds.
TORCH_INDEX ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow fuzz test-browser train-smoke train-tiny lint format clean

demo: $(READY)  ## a video of an astronaut in out/demo.mp4, with a contact sheet beside it
	$(BIN)/python examples/demo.py --out out

test: $(READY)  ## the tests but for the slow ones, two at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser" $(PYTEST)

test-slow: $(READY)  ## those that take more than about ten seconds each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow and not browser" $(PYTEST)

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

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) out build dist

# Torch comes first and at a pinned version, so that a machine with a build of it at hand takes that one.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)
