PYTHON ?= python3
CORES := $(shell nproc 2>/dev/null || echo 2)
BIN := .venv/bin
STAMP := .venv/.maccord-setup

# Upper-case names become options; ARGS passes any others on.
SIZE = $(if $(ROWS),--rows $(ROWS)) $(if $(COLS),--cols $(COLS))
OPTIONS = $(SIZE) $(if $(PERTURB),--perturb '$(PERTURB)') $(if $(BATCH),--batch $(BATCH)) $(ARGS)

PYTEST = $(BIN)/python -m pytest -n $(CORES) --dist worksteal
QUICK = $(addprefix rtl_tests/,spec golden compiler runtime house)

.PHONY: help setup sim layers study generalize verilog synth bench check test regress prove docs lint style types quick format clean

help:  ## Show this text
	@echo "make sim LAYER=resnet18.conv1            simulate a layer, compare it three ways"
	@echo "make sim NET=resnet18                    a whole network, from image to logits"
	@echo "make sim LAYER=... PERTURB=awgn:0.3 ROWS=32 COLS=8 ARGS='--waves'"
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
setup: $(STAMP)  ## Make .venv with everything that is needed
$(STAMP): requirements.txt requirements-executorch.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("maccord needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@echo "making .venv: some minutes, 2.3 GB"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements-executorch.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

sim: $(STAMP)  ## Simulate NET=, a network, or LAYER=, a layer or a glob
	@$(BIN)/maccord sim $(foreach name,$(LAYER) $(NET),'$(name)') $(OPTIONS)
layers: $(STAMP)  ## List what can be simulated, of NET= or of all networks
	@$(BIN)/maccord layers $(foreach name,$(NET),'$(name)') $(ARGS)
study: $(STAMP)  ## Compare FP32, fake quantization and true INT8 under noise and occlusion
	@$(BIN)/maccord study $(if $(NET),--networks '$(NET)') $(if $(PERTURB),--perturb '$(PERTURB)') $(ARGS)
generalize: $(STAMP)  ## Compare how 32, 8, 4 and 2 bits generalize: gaps, corruptions, flatness
	@$(BIN)/maccord generalize $(if $(PERTURB),--perturb '$(PERTURB)') $(ARGS)
verilog: $(STAMP)  ## Write the Verilog that sim simulates to build/verilog/, with headers and a core file
	@$(BIN)/maccord verilog $(SIZE) --out build/verilog/ $(ARGS)
synth: $(STAMP)  ## Synthesize for TARGET=ecp5-85k, xc7 ...: resources by block, fmax
	@$(BIN)/maccord synth --target '$(or $(TARGET),ecp5-85k)' $(SIZE) $(ARGS)
bench: $(STAMP)  ## Run the benchmarks: ratios, side by side
	@$(BIN)/maccord bench $(ARGS)

check: $(STAMP)  ## Check style and types and run the quick tests: no Verilator, no whole network
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target types style quick
quick: $(STAMP); $(PYTEST) -m 'not nightly and not weekly and not slow' $(QUICK) $(ARGS)
test: $(STAMP)  ## Run the tests; JUnit XML goes to build/test-results.xml
	$(PYTEST) --junitxml=build/test-results.xml $(ARGS)
regress: $(STAMP)  ## Run the random regression, then the nightly tests: place and route, wide sweeps
	@$(BIN)/maccord regress --runs $(or $(RUNS),2000) --close --out build/regress
	@$(BIN)/maccord regress --kind program --runs 2500 --out build/regress-programs
	$(PYTEST) -m nightly --junitxml=build/nightly-results.xml $(ARGS)
prove: $(STAMP)  ## Prove blocks of the hardware, as elaborated; planted bugs give counterexamples
	$(PYTEST) --junitxml=build/prove-results.xml rtl_tests/prove $(ARGS)
docs: $(STAMP)  ## Build the site of docs/ in build/docs/; warnings are errors
	$(BIN)/python -m sphinx -W -q -b html docs build/docs
lint: style types  ## Check style and types, those of the tests too
	@mkdir -p build/types/maccord && ln -sfn $(addprefix $(CURDIR)/,$(dir $(wildcard */__init__.py))) build/types/maccord/
	$(BIN)/pyright --project rtl_tests
style: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
types: $(STAMP); $(BIN)/pyright
format: $(STAMP)  ## Reformat the code
	$(BIN)/ruff format .
clean:  ## Remove results and caches (not .venv)
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
